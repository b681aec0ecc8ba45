"""The section on finalists: what the best configurations gave under fresh seeds, and what is certain of that."""

from functools import partial

from hpsearch.reporting.document import Block, Picture, Section, Sentence, make_table
from hpsearch.reporting.finalist_words import conclude, has_int8, list_cells
from hpsearch.reporting.label_figures import draw_finalists
from hpsearch.reporting.subject import Subject, summarize_linked
from hpsearch.reporting.trial_tables import write_failures
from hpsearch.reporting.words import write_percent, write_spread
from hpsearch.tuning.finalists import Final, Finalist
from hpsearch.tuning.records import StudyRecord
from hpsearch.wording import count_of

_WITHOUT_VALIDATION = (
    "They train on the validation images as well, so that no validation accuracy can be known, and they stay in the "
    "order of the search."
)


def write_finalists_sections(subject: Subject) -> list[Section]:
    """One for each study that trains the best of this search again."""
    return [Section(name_section(final), tuple(describe_finalists(subject.record, final))) for final in subject.finals]


def name_section(record: StudyRecord) -> str:
    """Its heading: who trains on the validation images as well cannot be compared with the others."""
    return "Finalists" if record.study.is_validated else f"Finalists on {record.study.trains_on}"


def describe_finalists(search: StudyRecord, record: StudyRecord) -> list[Block]:
    """What one study of finalists says of a search."""
    final = summarize_linked(search, record)
    if isinstance(final, str):
        return [Sentence(final)]
    is_validated = record.study.is_validated
    on = "" if is_validated else f" {_WITHOUT_VALIDATION}"
    blocks: list[Block] = [
        Sentence(
            f"The best configurations of the search, trained again under fresh seeds in the study {record.study.name} "
            f"({record.finished_count:,} of {count_of(record.trials_wanted, 'training')} finished).{on}"
        )
    ]
    if any(finalist.validation for finalist in final.finalists):
        caption = "What the search promised of each finalist, and what its fresh seeds gave."
        blocks.append(
            Picture(f"{record.study.name}-seeds", caption, _describe_all(final), partial(draw_finalists, final))
        )
    blocks.append(_tabulate(final))
    blocks += [Sentence(text) for text in _conclude(record, final)]
    return [*blocks, *write_failures(record)]


def _tabulate(final: Final) -> Block:
    headings = ["finalist", "seeds>", "in the search (%)>", "retrained, mean ± sd (%)>", "95% interval (%)>"]
    int8 = ["in int8, mean ± sd (%)>"] if has_int8(final) else []
    headings += ["too much by>", *int8, "test, mean ± sd (%)>", "weights>", "network"]
    rows = [list_cells(final, finalist) for finalist in final.finalists]
    return make_table("Finalists; sd is the standard deviation over seeds", headings, rows)


def _describe_all(final: Final) -> str:
    return " ".join(_describe(finalist) for finalist in final.finalists)


def _describe(finalist: Finalist) -> str:
    return (
        f"{finalist.label}: {write_percent(finalist.trial.value)}% in the search, "
        f"{write_spread(finalist.validation)}% retrained."
    )


def _conclude(record: StudyRecord, final: Final) -> list[str]:
    sentences = []
    optimism = final.finalists[0].optimism
    if optimism is not None:
        points = abs(100 * optimism)
        much = f"{points:.2f} points too {'much' if optimism > 0 else 'little'} of the first one"
        promise = much if points >= 0.005 else "of the first one what came"
        sentences.append(
            f"The search promised {promise}: its value there was {write_percent(final.finalists[0].trial.value)}%, its "
            f"retrained mean is {write_spread(final.finalists[0].validation)}%."
        )
    return [*sentences, *conclude(record, final)]

"""The section on finalists: what the best configurations gave under fresh seeds, and what is certain of that."""

from functools import partial

from hpsearch.reporting.document import Block, Picture, Section, Sentence, make_table
from hpsearch.reporting.label_figures import draw_finalists
from hpsearch.reporting.subject import Subject, summarize_linked
from hpsearch.reporting.trial_tables import write_failures
from hpsearch.reporting.words import (
    NOTHING,
    count_of,
    describe_openings,
    write_count,
    write_percent,
    write_points,
    write_spread,
)
from hpsearch.tuning.finalists import PAIRED_TEST, Comparison, Final, Finalist, Spread
from hpsearch.tuning.records import StudyRecord

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
    headings += ["too much by>", "test, mean ± sd (%)>", "weights>", "network"]
    rows = [
        [
            finalist.label,
            f"{len(finalist.replicates)}" + (f" ({finalist.failed} failed)" if finalist.failed else ""),
            write_percent(finalist.trial.value),
            write_spread(finalist.validation),
            _write_interval(finalist.validation),
            write_points(finalist.optimism),
            write_spread(finalist.test),
            write_count(finalist.trial.weights),
            finalist.trial.network or "",
        ]
        for finalist in final.finalists
    ]
    return make_table("Finalists; sd is the standard deviation over seeds", headings, rows)


def _write_interval(spread: Spread | None) -> str:
    if spread is None or spread.half_width is None:
        return NOTHING
    return f"{100 * (spread.mean - spread.half_width):.2f} to {100 * (spread.mean + spread.half_width):.2f}"


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
    if final.comparison is not None:
        sentences.append(_compare(final, final.comparison))
    if record.test_openings:
        rule = "choose by the retrained validation accuracy, not by it"
        sentences.append(
            f"The test split was opened {describe_openings(record)}; "
            f"{rule if record.study.is_validated else 'nothing may be selected by it'}."
        )
    return sentences


def _compare(final: Final, comparison: Comparison) -> str:
    first, second = final.finalists[:2]
    if comparison.p_value is None:
        verdict, certainty = "cannot be told from", "too few seeds, or no spread, for a test"
    else:
        better = "is better than" if comparison.mean_difference > 0 else "is worse than"
        verdict = better if comparison.is_distinguishable else "cannot be told from"
        certainty = f"p = {comparison.p_value:.3f}, {PAIRED_TEST}, two-sided"
    where = " of the test split" if comparison.split == "test" else ""
    by = f"{write_points(comparison.mean_difference)} points{where} over {count_of(comparison.pairs, 'seed')}"
    return f"{first.label.capitalize()} {verdict} {second.label}: {by} ({certainty})."

"""The part of a report on trainings that were planned: ours over seeds beside the printed figures, and the curves."""

from collections.abc import Sequence
from functools import partial

from hpsearch.reporting.document import Block, Part, Picture, Section, Sentence, Table, make_table
from hpsearch.reporting.finalists_section import describe_finalists, name_section
from hpsearch.reporting.influences_section import write_effects
from hpsearch.reporting.label_figures import (
    choose_named,
    draw_beside_printed,
    draw_label_curves,
    has_printed_accuracies,
)
from hpsearch.reporting.made_section import write_made_section
from hpsearch.reporting.measured import describe_example
from hpsearch.reporting.network_section import write_planned_networks
from hpsearch.reporting.plan_measures import Cell, explain_measures, list_measures, write_seeds
from hpsearch.reporting.record_words import describe_counts
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.trial_figures import MeasuredPoint, draw_accuracy_by_weights
from hpsearch.reporting.trial_tables import write_failures
from hpsearch.reporting.validation_section import write_validation_section
from hpsearch.reporting.words import (
    describe_openings,
    join_some,
    join_words,
    name_dataset,
    write_percent,
    write_seconds,
    write_spread,
)
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.plan_summary import LabelSummary, PlanSummary, has_several_seeds
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.wording import count_of

_TOLD_APART = 1.05
"""Networks of weights nearer to each other than by this factor lie in one place of a picture."""


def write_plan_part(subject: Subject, summary: PlanSummary) -> Part:
    """Everything that is known of planned trainings, also while none is complete."""
    record = subject.record
    search = subject.search
    name = record.study.name
    sections = [
        *_write_results(summary, search),
        write_planned_networks(name, summary.labels),
        *_write_curves(summary, name),
        *_write_comparisons(summary, name),
        write_validation_section(subject),
        write_made_section(subject),
    ]
    return Part(
        title=name,
        lead=_ask_question(summary, search),
        blocks=tuple(_describe_study(summary)),
        sections=tuple(section for section in sections if section is not None),
    )


def _ask_question(summary: PlanSummary, search: StudyRecord | None) -> str:
    if summary.origin.title is not None:
        return summary.origin.title
    if search is not None:
        return f"How good are the best of the search {search.study.name} really?"
    labels = [mine.label for mine in summary.labels]
    return f"How good is {join_some(labels)} on {name_dataset(summary.record.study.dataset)}?"


def _describe_study(summary: PlanSummary) -> list[Block]:
    record, source = summary.record, summary.origin.source
    blocks: list[Block] = []
    if source is not None:
        place = f", {source.place}" if source.place else ""
        blocks.append(Sentence(f"{'Printed in' if summary.origin.printed else 'After'} {source.report}{place}."))
    seeds = max((mine.wanted for mine in summary.labels), default=0)
    blocks.append(
        Sentence(
            f"{count_of(len(summary.labels), 'training')} on {name_dataset(record.study.dataset)}, each under "
            f"{count_of(seeds, 'seed')}: {describe_counts(record)}."
        )
    )
    if not record.study.is_validated:
        blocks.append(
            Sentence(
                "They train on the validation images as well, so that no validation accuracy can be known; nothing may "
                "be selected by what the test split says."
            )
        )
    if not record.is_finished:
        blocks.append(Sentence(f"Not finished: {record.finished_count:,} of {record.trials_wanted:,} trainings are."))
    return blocks


def tabulate_labels(summary: PlanSummary) -> Table:
    """The table in the printed one's shape: a row a label, ours beside what is printed, and the difference."""
    columns: list[tuple[str, Cell]] = [("seeds", write_seeds)]
    measures = list_measures(write_seconds, " (s)")
    columns += [column for measure in measures for column in measure.list_columns(summary)]
    headings = ["training", *(f"{heading}>" for heading, _write in columns)]
    rows = [[mine.label, *(write(mine) for _heading, write in columns)] for mine in summary.labels]
    return make_table(f"Accuracies: {explain_measures(summary, measures)}", headings, rows)


def _tabulate_networks(summary: PlanSummary) -> list[Block]:
    """Nothing where all have the same."""
    if len({mine.config.architecture for mine in summary.labels}) == 1:
        return []
    rows = [[mine.label, mine.network, f"{mine.macs:,}"] for mine in summary.labels]
    return [make_table("Their networks", ["training", "network", "MACs>"], rows)]


def _write_results(summary: PlanSummary, search: StudyRecord | None) -> list[Section]:
    """Of finalists what belongs to them, of other trainings the table in the printed one's shape."""
    name = summary.record.study.name
    if search is not None:
        blocks = describe_finalists(search, summary.record)
        return [
            Section(name_section(summary.record), tuple(blocks)),
            *([Section("Seed by seed", tuple(pictures))] if (pictures := _picture_labels(summary, name)) else []),
        ]
    blocks = [tabulate_labels(summary), *_tabulate_networks(summary)]
    if (measure := describe_example(summary.record)) is not None:
        blocks.append(Sentence(f"{measure[0].upper()}{measure[1:]}."))
    blocks += [Sentence(f"{mine.label}: {mine.printed.note}") for mine in summary.labels if mine.printed.note]
    blocks += _picture_labels(summary, name)
    if summary.record.test_openings:
        blocks.append(Sentence(f"The test split was opened {describe_openings(summary.record)}."))
    return [Section("Results", (*blocks, *write_failures(summary.record)))]


def _picture_labels(summary: PlanSummary, name: str) -> list[Block]:
    if not any(mine.validation or mine.test for mine in summary.labels):
        return []
    printed = " beside the printed figures" if has_printed_accuracies(summary.labels) else ""
    ours = "Ours over seeds" if has_several_seeds(summary.labels) else "Ours of one seed each"
    words = " ".join(_describe_label(mine) for mine in summary.labels if mine.complete)
    draw = partial(draw_beside_printed, summary.labels)
    return [Picture(f"{name}-labels", f"{ours}{printed}.", words, draw)]


def _describe_label(mine: LabelSummary) -> str:
    validation = f"{write_spread(mine.validation)}% in validation" if mine.validation else "no validation accuracy"
    test = f", {write_spread(mine.test)}% on the test split" if mine.test else ""
    return f"{mine.label}: {validation}{test}."


def _write_curves(summary: PlanSummary, name: str) -> list[Section]:
    labels = [mine for mine in summary.labels if mine.complete and mine.complete[0].curve]
    if not labels:
        return []
    shaded = "the mean over seeds, from the lowest to the highest of them shaded"
    words = shaded if has_several_seeds(labels) else "one seed each"
    named = choose_named(labels)
    others = [f"{len(labels) - len(named)} more"] if len(labels) > len(named) else []
    is_validated = any(mine.validation for mine in labels)
    what = "Losses and accuracy" if is_validated else "The training loss"
    alternative = f"{what} by epoch of {join_words([*named, *others])}."
    picture = Picture(f"{name}-curves", f"Learning curves: {words}.", alternative, partial(draw_label_curves, labels))
    return [Section("Learning curves", (picture,))]


def find_compared(labels: Sequence[LabelSummary]) -> dict[str, list[TrialRecord]]:
    """The trials by which one can see what the learning rate (`lr`) does, or dropout: nothing else speaks for a value.

    They are of labels that differ in that field alone; of several such groups, those that have the same values in it.
    """
    compared: dict[str, list[TrialRecord]] = {}
    for field in ("lr", "dropout"):
        groups: dict[TrialConfig, dict[float, list[TrialRecord]]] = {}
        for mine in labels:
            if trials := [trial for trial in mine.complete if trial.value is not None]:
                recipe = mine.config.recipe
                others = mine.config.model_copy(update={"recipe": recipe.model_copy(update={field: 0.0}), "seed": 0})
                groups.setdefault(others, {}).setdefault(getattr(recipe, field), []).extend(trials)
        largest = max(groups.values(), key=len, default={})
        if len(largest) > 1:
            alike = [group for group in groups.values() if group.keys() == largest.keys()]
            compared[field] = [trial for group in alike for trials in group.values() for trial in trials]
    return compared


def _write_comparisons(summary: PlanSummary, name: str) -> list[Section]:
    """Learning rate and dropout beside accuracy where they can be compared, and weights."""
    blocks = write_effects(name, find_compared(summary.labels))
    points = [
        MeasuredPoint(mine.weights, mine.validation.mean, mine.seconds, label=mine.label)
        for mine in summary.labels
        if mine.validation is not None and mine.seconds is not None
    ]
    if points and max(point.weights for point in points) > _TOLD_APART * min(point.weights for point in points):
        listed = "; ".join(f"{point.label}: {point.weights:,}, {write_percent(point.accuracy)}%" for point in points)
        blocks.append(
            Picture(
                f"{name}-weights",
                "Mean accuracy against weights; the larger the area, the longer the training.",
                f"Weights and validation accuracy: {listed}.",
                partial(draw_accuracy_by_weights, points),
            )
        )
    return [Section("What mattered", tuple(blocks))] if blocks else []

"""The part of a report on trainings that were planned: ours over seeds beside the printed figures, and the curves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from hpsearch.reporting.document import Block, Part, Picture, Section, Sentence, Table, make_table
from hpsearch.reporting.finalists_section import describe_finalists, name_section
from hpsearch.reporting.influences_section import write_effects
from hpsearch.reporting.label_figures import draw_beside_printed, draw_label_curves
from hpsearch.reporting.made_section import write_made_section
from hpsearch.reporting.network_section import write_planned_networks
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.trial_figures import MeasuredPoint, draw_accuracy_by_weights
from hpsearch.reporting.trial_tables import list_failures
from hpsearch.reporting.validation_section import write_validation_section
from hpsearch.reporting.words import (
    NOTHING,
    count_of,
    describe_counts,
    describe_openings,
    join_some,
    join_words,
    name_dataset,
    write_epochs,
    write_percent,
    write_points,
    write_seconds,
    write_spread,
)
from hpsearch.tuning.plan_summary import LabelSummary, PlanSummary
from hpsearch.tuning.records import StudyRecord


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


@dataclass(frozen=True)
class _Measure:
    """What a table has of each label: ours, what is printed and, for accuracies, the difference."""

    heading: str
    ours: Callable[[LabelSummary], str]
    printed: Callable[[LabelSummary], str]
    """Empty where nothing is."""
    difference: Callable[[LabelSummary], float | None] | None = None
    is_always_shown: bool = True
    has_epochs: bool = False
    """Whether it says in brackets which epoch it is of."""

    def list_columns(self, summary: PlanSummary) -> list[tuple[str, Callable[[LabelSummary], str]]]:
        """Its columns, if the table has any."""
        is_printed = any(self.printed(mine) for mine in summary.labels)
        if not is_printed and not self.is_always_shown:
            return []
        columns = [(self.heading, self.ours)]
        if is_printed:
            columns.append(("printed", self.printed))
            if self.difference is not None:
                columns.append(("differs by", partial(_write_difference, self.difference)))
        return columns


def _write_difference(measure: Callable[[LabelSummary], float | None], mine: LabelSummary) -> str:
    difference = measure(mine)
    return "" if difference is None else write_points(difference)


def _write_figure(figure: float | None, pattern: str = "{:,}") -> str:
    return "" if figure is None else pattern.format(figure)


def _add_epochs(figure: str, epochs: Sequence[int] | int | None) -> str:
    """A figure with the epochs that it is of."""
    which = write_epochs([epochs] if isinstance(epochs, int) else epochs or ())
    return f"{figure} {which}" if figure and which else figure


def _write_loss(mine: LabelSummary) -> str:
    if mine.lowest_train_loss is None:
        return NOTHING
    return _add_epochs(f"{mine.lowest_train_loss.mean:.3g}", mine.lowest_train_loss_epochs)


def _write_printed_test(mine: LabelSummary) -> str:
    printed = mine.printed
    if printed.test_percent is None:
        return "" if printed.goal_test_percent is None else f"over {printed.goal_test_percent:g}"
    spread = "" if printed.test_spread_percent is None else f" ± {printed.test_spread_percent:.2f}"
    return f"{printed.test_percent:.2f}{spread}"


_MEASURES = (
    _Measure("weights", lambda mine: f"{mine.weights:,}", lambda mine: _write_figure(mine.printed.weights)),
    _Measure(
        "validation (%)",
        lambda mine: write_spread(mine.validation),
        lambda mine: _write_figure(mine.printed.validation_percent, "{:.2f}"),
        lambda mine: mine.validation_difference,
    ),
    _Measure(
        "validation, first epoch (%)",
        lambda mine: write_spread(mine.first_validation),
        lambda mine: _write_figure(mine.printed.first_validation_percent, "{:.2f}"),
        lambda mine: mine.first_validation_difference,
        is_always_shown=False,
    ),
    _Measure(
        "validation, best epoch (%)",
        lambda mine: _add_epochs(write_spread(mine.highest_validation), mine.highest_validation_epochs),
        lambda mine: _add_epochs(
            _write_figure(mine.printed.highest_validation_percent, "{:.2f}"), mine.printed.highest_validation_epoch
        ),
        lambda mine: mine.highest_validation_difference,
        is_always_shown=False,
        has_epochs=True,
    ),
    _Measure(
        "lowest training loss",
        _write_loss,
        lambda mine: _add_epochs(
            _write_figure(mine.printed.lowest_train_loss, "{:g}"), mine.printed.lowest_train_loss_epoch
        ),
        is_always_shown=False,
        has_epochs=True,
    ),
    _Measure("test (%)", lambda mine: write_spread(mine.test), _write_printed_test, lambda mine: mine.test_difference),
    _Measure(
        "an epoch (s)",
        lambda mine: write_seconds(mine.epoch_seconds),
        lambda mine: "" if mine.printed.epoch_seconds is None else write_seconds(mine.printed.epoch_seconds),
    ),
    _Measure(
        "a training (s)",
        lambda mine: write_seconds(mine.seconds),
        lambda mine: "" if mine.printed.training_seconds is None else write_seconds(mine.printed.training_seconds),
    ),
)


def tabulate_labels(summary: PlanSummary) -> Table:
    """The table in the printed one's shape: a row a label, ours beside what is printed, and the difference."""
    columns = [column for measure in _MEASURES for column in measure.list_columns(summary)]
    rows = [[mine.label, _write_seeds(mine), *(write(mine) for _heading, write in columns)] for mine in summary.labels]
    headings = ["training", "seeds>", *(f"{heading}>" for heading, _write in columns)]
    caption = "Accuracies: mean ± standard deviation over seeds; differences in percentage points"
    if any(measure.has_epochs and measure.list_columns(summary) for measure in _MEASURES):
        caption += "; which epoch in brackets"
    if any(mine.printed.test_spread_percent is not None for mine in summary.labels):
        caption += "; a printed ± is the report's own"
    return make_table(caption, headings, rows)


def _tabulate_networks(summary: PlanSummary) -> list[Block]:
    """Nothing where all have the same."""
    if len({mine.config.architecture for mine in summary.labels}) == 1:
        return []
    rows = [[mine.label, mine.network, f"{mine.macs:,}"] for mine in summary.labels]
    return [make_table("Their networks", ["training", "network", "MACs>"], rows)]


def _write_seeds(mine: LabelSummary) -> str:
    count = str(len(mine.complete)) if len(mine.complete) == mine.wanted else f"{len(mine.complete)} of {mine.wanted}"
    return f"{count} ({mine.failed} failed)" if mine.failed else count


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
    blocks += [Sentence(f"{mine.label}: {mine.printed.note}") for mine in summary.labels if mine.printed.note]
    blocks += _picture_labels(summary, name)
    if summary.record.test_openings:
        blocks.append(Sentence(f"The test split was opened {describe_openings(summary.record)}."))
    return [Section("Results", (*blocks, *list_failures(summary.record)))]


def _picture_labels(summary: PlanSummary, name: str) -> list[Block]:
    if not any(mine.validation or mine.test for mine in summary.labels):
        return []
    printed = " beside the printed figures" if summary.origin.printed else ""
    words = " ".join(_describe_label(mine) for mine in summary.labels if mine.complete)
    draw = partial(draw_beside_printed, summary.labels)
    return [Picture(f"{name}-labels", f"Ours over seeds{printed}.", words, draw)]


def _describe_label(mine: LabelSummary) -> str:
    validation = f"{write_spread(mine.validation)}% in validation" if mine.validation else "no validation accuracy"
    test = f", {write_spread(mine.test)}% on the test split" if mine.test else ""
    return f"{mine.label}: {validation}{test}."


def _write_curves(summary: PlanSummary, name: str) -> list[Section]:
    labels = [mine for mine in summary.labels if mine.complete and mine.complete[0].curve]
    if not labels:
        return []
    has_several = any(len(mine.complete) > 1 for mine in labels)
    words = "the mean over seeds, from the lowest to the highest of them shaded" if has_several else "one seed each"
    alternative = f"Loss and accuracy by epoch of {join_words([mine.label for mine in labels])}."
    picture = Picture(f"{name}-curves", f"Learning curves: {words}.", alternative, partial(draw_label_curves, labels))
    return [Section("Learning curves", (picture,))]


def _write_comparisons(summary: PlanSummary, name: str) -> list[Section]:
    """Learning rate, dropout and weights beside accuracy, as far as they differ between labels."""
    trials = [trial for mine in summary.labels for trial in mine.complete if trial.value is not None]
    blocks = write_effects(name, trials)
    points = [
        MeasuredPoint(mine.weights, mine.validation.mean, mine.seconds, label=mine.label)
        for mine in summary.labels
        if mine.validation is not None and mine.seconds is not None
    ]
    if len({point.weights for point in points}) > 1:
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

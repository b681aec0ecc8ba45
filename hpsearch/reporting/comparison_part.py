"""The part of a report that puts several studies beside each other: a table, and the frontier of each data set."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from hpsearch.network.memory import Footprint
from hpsearch.network.sizes import show_bytes
from hpsearch.reporting.document import Block, Commands, Part, Picture, Section, Sentence, make_table
from hpsearch.reporting.frontier import FrontierPoint, draw_frontier
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.words import join_words, name_dataset, write_count, write_percent, write_seconds
from hpsearch.tuning.frontier import Measured, is_on_frontier
from hpsearch.tuning.records import StudyRecord


@dataclass(frozen=True)
class Contender:
    """A network of a study, as it is compared: the best of a search, the mean of a label."""

    record: StudyRecord
    what: str
    is_planned: bool
    weights: int | None
    macs: int | None
    validation_accuracy: float | None
    test_accuracy: float | None
    seconds: float | None
    """Of one training."""
    epochs: int | None
    """Of each training."""
    footprint: Footprint | None = None
    """What the network takes of a small device."""

    @property
    def measured(self) -> Measured:
        """What the frontier compares."""
        return Measured(self.validation_accuracy, self.weights)


def write_comparison_part(subjects: Sequence[Subject]) -> Part:
    """All studies in one table, and a picture of the networks for each data set that has two of them."""
    contenders = [contender for subject in subjects for contender in list_contenders(subject)]
    sections: list[Section] = []
    for sha256 in dict.fromkeys(contender.record.study.dataset.sha256 for contender in contenders):
        mine = [contender for contender in contenders if contender.record.study.dataset.sha256 == sha256]
        if len([contender for contender in mine if contender.validation_accuracy is not None]) > 1:
            sections.append(_write_frontier(mine, len(sections)))
    studies = [subject.record.study.name for subject in subjects]
    names = join_words(studies)
    command = shlex.join(["hpsearch", "report", *studies])
    return Part(
        title="Comparison",
        lead=f"How do {names} compare?",
        blocks=(*_tabulate(contenders), Commands((("this report", command),))),
        sections=tuple(sections),
    )


def list_contenders(subject: Subject) -> list[Contender]:
    """Of a search its best trial, of planned trainings every label; of a study without any, one without figures."""
    record, summary = subject.record, subject.summary
    if summary is None:
        best = record.best
        if best is None:
            return [Contender(record, "nothing complete", False, None, None, None, None, None, None)]
        what = f"trial {best.number}"
        figures = (best.weights, best.macs, best.value, best.test_accuracy, best.seconds, best.epochs, best.footprint)
        return [Contender(record, what, False, *figures)]
    return [
        Contender(
            record,
            mine.label,
            True,
            mine.weights,
            mine.macs,
            mine.validation.mean if mine.validation else None,
            mine.test.mean if mine.test else None,
            mine.seconds,
            mine.config.recipe.epochs,
            mine.config.count_footprint(),
        )
        for mine in summary.labels
    ]


def is_unbeaten(contender: Contender, contenders: Sequence[Contender]) -> bool:
    """Whether it is on the frontier of all networks on the same data."""
    sha256 = contender.record.study.dataset.sha256
    rivals = [other.measured for other in contenders if other.record.study.dataset.sha256 == sha256]
    return is_on_frontier(contender.measured, rivals)


def _write_footprint(contender: Contender) -> list[str]:
    """RAM and flash in int8; nothing of several networks."""
    footprint = contender.footprint
    if footprint is None:
        return ["", ""]
    return [show_bytes(footprint.ram_int8_bytes), show_bytes(footprint.flash_int8_bytes)]


def _tabulate(contenders: Sequence[Contender]) -> tuple[Block, ...]:
    headings = ["study", "network", "data", "arch", "budget>", "weights>", "MACs>", "RAM int8>", "flash int8>"]
    headings += ["validation (%)>", "test (%)>"]
    headings += ["epochs>", "a training (s)>", "trials finished>", "on the frontier"]
    rows = []
    for each in contenders:
        record, spec = each.record, each.record.study.spec
        rows.append(
            [
                record.study.name,
                each.what,
                name_dataset(record.study.dataset),
                spec.arch,
                "" if each.is_planned or spec.budget is None else f"{spec.budget:,}",
                write_count(each.weights),
                write_count(each.macs),
                *_write_footprint(each),
                write_percent(each.validation_accuracy),
                write_percent(each.test_accuracy),
                write_count(each.epochs),
                write_seconds(each.seconds),
                f"{record.finished_count:,} of {record.trials_wanted:,}",
                "yes" if is_unbeaten(each, contenders) else "",
            ]
        )
    caption = "Of a search its best trial, of planned trainings the mean over seeds"
    note = "On the frontier: no other network here on the same data is as accurate in validation with as few weights."
    return make_table(caption, headings, rows), Sentence(note, is_note=True)


def _write_frontier(contenders: Sequence[Contender], number: int) -> Section:
    data = name_dataset(contenders[0].record.study.dataset)
    points = [
        FrontierPoint(
            arch=each.record.study.spec.arch,
            weights=each.weights,
            macs=each.macs,
            validation_accuracy=each.validation_accuracy,
            test_accuracy=each.test_accuracy,
            is_on_frontier=is_unbeaten(each, contenders),
            is_planned=each.is_planned,
        )
        for each in contenders
        if each.weights is not None and each.macs is not None and each.validation_accuracy is not None
    ]
    listed = "; ".join(
        f"{each.record.study.name}, {each.what}: {write_count(each.weights)} weights, "
        f"{write_percent(each.validation_accuracy)}%"
        for each in contenders
    )
    ending = f"-{number + 1}" if number else ""
    picture = Picture(
        f"frontier{ending}",
        f"Accuracy and multiply-accumulates against weights on {data}; a cross is on what is not on the frontier.",
        f"Accuracy against weights on {data}. {listed}.",
        partial(draw_frontier, points, f"Networks on {data}"),
    )
    return Section(f"Accuracy against weights on {data}", (picture,))

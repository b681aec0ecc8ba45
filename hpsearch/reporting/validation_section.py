"""The section on what a network gets wrong."""

from collections.abc import Sequence
from functools import partial

from hpsearch.reporting.document import Block, Picture, Section, Sentence, make_table
from hpsearch.reporting.figures import draw_confusion_matrix
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.validation import (
    Confusion,
    NoOutcome,
    ValidationOutcome,
    draw_wrong_images,
    rank_confusions,
)
from hpsearch.reporting.words import write_percent
from hpsearch.wording import count_of

_MOST_PAIRS = 10
_MOST_CLASSES = 30

Counts = Sequence[Sequence[int]]


def write_validation_section(subject: Subject) -> Section | None:
    """Confusion, accuracy of each class and wrong images of every network that was judged; None where none was."""
    blocks: list[Block] = []
    for outcome in subject.outcomes:
        name = f"{subject.record.study.name}-trial-{outcome.trial.number}"
        if isinstance(outcome, NoOutcome):
            blocks += _explain(subject, outcome, name)
        else:
            blocks += _describe(subject, outcome, name)
    return Section("What it gets wrong", tuple(blocks)) if blocks else None


def _explain(subject: Subject, outcome: NoOutcome, name: str) -> list[Block]:
    blocks: list[Block] = [Sentence(outcome.reason)]
    if outcome.picture is not None:
        picture = outcome.picture
        caption = f"Trial {outcome.trial.number} on the validation split, drawn when it was trained."
        alternative = f"Confusion matrix of trial {outcome.trial.number}: a row a true class."
        blocks.append(Picture(f"{name}-confusion", caption, alternative, lambda: picture))
    return [*blocks, *_picture_printed(subject, outcome, name)]


def _describe(subject: Subject, outcome: ValidationOutcome, name: str) -> list[Block]:
    trial, classes = outcome.trial, subject.record.study.dataset.class_names
    title = _name_trial(outcome)
    pairs, printed = rank_confusions(outcome.counts), _find_printed(subject, outcome)
    blocks: list[Block] = [
        Sentence(
            f"{title} labels {outcome.correct:,} of {count_of(outcome.images, 'validation image')} rightly "
            f"({100 * outcome.correct / outcome.images:.2f}%).{_compare_with_recorded(outcome)}"
        ),
        Picture(
            f"{name}-confusion",
            f"{title} on the validation split: images by true and predicted class.",
            f"Confusion matrix, a row a true class. {_describe_worst(pairs, classes)}",
            partial(draw_confusion_matrix, outcome.counts, classes, f"trial {trial.number}, validation split"),
        ),
        *_picture_printed(subject, outcome, name),
    ]
    if pairs:
        blocks.append(_tabulate_pairs(pairs, classes, printed))
    blocks.append(_tabulate_classes(outcome.counts, classes, printed))
    if outcome.wrong:
        shown = count_of(len(outcome.wrong), "image")
        blocks.append(
            Picture(
                f"{name}-wrong",
                f"The {shown} of the validation split that it gets wrong and is surest of: the true class above, "
                "what it takes it for below.",
                f"{shown} that trial {trial.number} gets wrong. {_list_wrong(outcome, classes)}",
                partial(draw_wrong_images, outcome, classes),
            )
        )
    return blocks


def _name_trial(outcome: ValidationOutcome | NoOutcome) -> str:
    trial = outcome.trial
    return f"Trial {trial.number}" + (f" ({trial.label})" if trial.label else "")


def _compare_with_recorded(outcome: ValidationOutcome) -> str:
    recorded = outcome.trial.value
    if recorded is None or round(recorded * outcome.images) == outcome.correct:
        return ""
    return (
        f" When it was trained, {round(recorded * outcome.images):,} were recorded: another machine rounds otherwise."
    )


def _describe_worst(pairs: Sequence[Confusion], classes: Sequence[str]) -> str:
    if not pairs:
        return "No image is taken for another class."
    first = pairs[0]
    return (
        f"Most often {classes[first.label]} is taken for {classes[first.predicted]}: {count_of(first.images, 'image')}."
    )


def _list_wrong(outcome: ValidationOutcome, classes: Sequence[str]) -> str:
    named = [f"{classes[image.label]} taken for {classes[image.predicted]}" for image in outcome.wrong[:8]]
    return f"{'; '.join(named)}{'; and others' if len(outcome.wrong) > len(named) else ''}."


def _tabulate_pairs(pairs: Sequence[Confusion], classes: Sequence[str], printed: Counts | None) -> Block:
    headings = ["true class", "taken for", "images>", "of the class (%)>", *(["printed (%)>"] if printed else [])]
    rows = [
        [
            classes[pair.label],
            classes[pair.predicted],
            f"{pair.images:,}",
            f"{100 * pair.share:.1f}",
            *([_share(printed, pair.label, pair.predicted)] if printed else []),
        ]
        for pair in pairs[:_MOST_PAIRS]
    ]
    return make_table("The most confused pairs of classes", headings, rows)


def _tabulate_classes(counts: Counts, classes: Sequence[str], printed: Counts | None) -> Block:
    """Every class, or those that are hardest."""
    order = list(range(len(classes)))
    caption = "Accuracy of each class"
    if len(order) > _MOST_CLASSES:
        order = sorted(order, key=lambda label: (_rate(counts, label), label))[:_MOST_CLASSES]
        caption = f"Accuracy of the {_MOST_CLASSES} hardest of {len(classes):,} classes"
    rows = []
    for label in order:
        total = sum(counts[label])
        right = counts[label][label]
        others = [(-images, other) for other, images in enumerate(counts[label]) if other != label and images]
        rows.append(
            [
                classes[label],
                f"{total:,}",
                f"{right:,}",
                write_percent(right / total if total else None),
                classes[min(others)[1]] if others else "",
                *([_share(printed, label, label)] if printed else []),
            ]
        )
    headings = ["class", "images>", "rightly>", "accuracy (%)>", "most often taken for"]
    return make_table(caption, [*headings, *(["printed (%)>"] if printed else [])], rows)


def _rate(counts: Counts, label: int) -> float:
    total = sum(counts[label])
    return counts[label][label] / total if total else 2.0


def _share(counts: Counts | None, label: int, predicted: int) -> str:
    total = sum(counts[label]) if counts else 0
    return f"{100 * counts[label][predicted] / total:.1f}" if counts and total else ""


def _find_printed(subject: Subject, outcome: ValidationOutcome | NoOutcome) -> Counts | None:
    """The printed confusion matrix of the same label, if it is of as many classes."""
    summary, size = subject.summary, subject.record.study.dataset.class_count
    labels = summary.labels if summary is not None else ()
    printed = next((mine.printed.confusion for mine in labels if mine.label == outcome.trial.label), None)
    if printed is None or len(printed) != size or any(len(row) != size for row in printed):
        return None
    return printed


def _picture_printed(subject: Subject, outcome: ValidationOutcome | NoOutcome, name: str) -> list[Block]:
    printed, classes = _find_printed(subject, outcome), subject.record.study.dataset.class_names
    if printed is None:
        return []
    return [
        Picture(
            f"{name}-confusion-printed",
            "As printed. It is of the test split, ours of the validation split: compare shares, not counts.",
            f"The printed confusion matrix, a row a true class. {_describe_worst(rank_confusions(printed), classes)}",
            partial(draw_confusion_matrix, printed, classes, f"{outcome.trial.label}, as printed, test split"),
        )
    ]

"""The note of a study, as Optuna's dashboard shows it: what is searched, and what to type to see or take the best.

The dashboard keeps a note in the study's system attributes, in pieces beside a version that counts its edits.
"""

from typing import Any

from hpsearch.dataset import DatasetIdentity
from hpsearch.study.search_space import Choices, SearchSpace
from hpsearch.study.spec import StudySpec
from hpsearch.study.trial_plan import TrialPlan

_VERSION, _PIECE = "dashboard:note_ver", "dashboard:note_str:"
_PIECE_CHARACTERS = 2045
"""As the dashboard cuts them."""
_MOST_LABELS = 5
_METRIC_NAMES = "study:metric_names"
"""Optuna's own name of the objective, which its tables and the dashboard's axes take."""


def build_note_attributes(text: str, plan: TrialPlan | None = None) -> dict[str, Any]:
    """The system attributes that hold a study's first note, and the name of its objective."""
    starts = range(0, len(text), _PIECE_CHARACTERS)
    pieces = {f"{_PIECE}{index}": text[start : start + _PIECE_CHARACTERS] for index, start in enumerate(starts)}
    return pieces | {_VERSION: 1, _METRIC_NAMES: ["validation accuracy" if _is_validated(plan) else "training loss"]}


def write_note(
    name: str,
    spec: StudySpec,
    dataset: DatasetIdentity,
    space: SearchSpace,
    plan: TrialPlan | None = None,
    *,
    given: int = 0,
    teacher: str | None = None,
) -> str:
    """A study in Markdown.

    Args:
        name: The study's name.
        spec: What it searches.
        dataset: On which data.
        space: What is really drawn from.
        plan: Its trials, where they are known beforehand.
        given: How many of its first trials are given instead of drawn.
        teacher: Whom its trials learn from beside the labels, in words.
    """
    kind = {"fcn": "fully connected networks", "cnn": "convolutional networks"}[spec.arch]
    held_out = f"{100 * spec.validation_fraction:g}%" if _is_validated(plan) else "none"
    task = "Searches" if plan is None else f"Trains {_list_labels(plan)}:"
    searched, fixed = [], []
    for parameter, distribution in space.distributions.items() if plan is None else ():
        if isinstance(distribution, Choices) and len(distribution.values) == 1:
            fixed.append(f"{_code(parameter)} {_code(distribution.values[0])}")
        else:
            searched.append(f"| {_code(parameter)} | {_code(distribution)} |")
    lines = [
        f"## {name}",
        "",
        f"{task} {kind} of **at most {spec.budget:,} weights** for {_code(dataset.name)}: "
        f"{dataset.class_count} classes, images of {dataset.input_shape}, {dataset.train_count:,} to train with, "
        f"{held_out} of them held out for validation.",
        "",
        f"- {spec.describe_length()}, "
        f"{_describe_source(spec, given) if plan is None else 'known beforehand'}, "
        f"{_describe_selection(spec)}, "
        f"seed {spec.seed}",
        *([] if teacher is None else [f"- every trial learns from {_code(teacher)} as well (distillation)"]),
        f"- the objective is {_describe_objective(plan)}",
        "- **no test score is shown here**: the test split is opened "
        f"{'for the selected trial alone' if plan is None else 'once all trials are finished'}",
        "",
        "| to | type |",
        "|---|---|",
        f"| see how far it is | `hpsearch status {name}` |",
        f"| see the best trial | `hpsearch best {name}` |",
        f"| get its network as files | `hpsearch export {name}` |",
        f"| add a worker | `hpsearch worker {name}` |",
        "",
        "A database elsewhere than `hpsearch.db` is named by `--storage` or `HPSEARCH_STORAGE`.",
        "",
        *(["| searched | over |", "|---|---|", *searched] if plan is None else []),
        *(["", f"Fixed: {', '.join(fixed)}."] if fixed else []),
        "",
    ]
    return "\n".join(lines)


def _is_validated(plan: TrialPlan | None) -> bool:
    return plan is None or plan.is_validated


def _list_labels(plan: TrialPlan) -> str:
    labels = [_code(label) for label in plan.labels]
    more = [f"{len(labels) - _MOST_LABELS} more"] if len(labels) > _MOST_LABELS else []
    return ", ".join(labels[:_MOST_LABELS] + more) + (f" of the study {_code(plan.search)}" if plan.search else "")


def _describe_source(spec: StudySpec, given: int) -> str:
    drawn = f"drawn by {_code(spec.sampler)}"
    return f"the first {given} given, the others {drawn}" if given else drawn


def _describe_selection(spec: StudySpec) -> str:
    if spec.round_plan is not None:
        return "each round with the best of the one before"
    return "never stopped early" if spec.pruner == "none" else f"stopped early by {_code(spec.pruner)}"


def _describe_objective(plan: TrialPlan | None) -> str:
    if _is_validated(plan):
        return "the **validation accuracy** after the last epoch, as a fraction"
    return "the **training loss** of the last epoch: nothing is held out, so that no accuracy can be known"


def _code(value: object) -> str:
    """Words that a person gave, so that Markdown leaves them as they are, in a table as well."""
    text = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return f"`{text}`"

"""The section on what mattered: which parameter, which values."""

from collections.abc import Mapping, Sequence
from functools import partial

from hpsearch.reporting.document import Block, Picture, Section, Sentence
from hpsearch.reporting.space_figures import (
    MOST_AXES,
    MOST_PARALLEL_TRIALS,
    draw_importance,
    draw_parallel_coordinates,
    draw_recipe_effects,
    find_varied_fields,
)
from hpsearch.reporting.words import write_value
from hpsearch.tuning.importance import FEWEST_TRIALS, METHOD, measure_importance
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.wording import count_of


def write_influences(record: StudyRecord) -> Section:
    """Importance, parallel coordinates, learning rate and dropout: each beside the accuracy."""
    shares = measure_importance(record)
    name = record.study.name
    blocks: list[Block] = []
    if shares:
        first = ", ".join(f"{parameter} {100 * share:.0f}%" for parameter, share in list(shares.items())[:3])
        blocks += [
            Picture(
                f"{name}-importance",
                f"Importance of the parameters over {count_of(len(record.ranking), 'complete trial')}: Optuna's "
                f"{METHOD}, of parameters that every one of them uses. It says nothing of how they act together.",
                f"Bars of importance; the largest: {first}.",
                partial(draw_importance, shares),
            ),
            Picture(
                f"{name}-parallel",
                f"The values of {_count_lines(record)}{_count_axes(shares)}: a line each, the darker the better, the "
                "best one thick.",
                f"Parallel coordinates of {count_of(len(record.ranking), 'complete trial')}. {_describe_best(record)}",
                partial(
                    draw_parallel_coordinates,
                    record.ranking[:MOST_PARALLEL_TRIALS],
                    record.study.space,
                    list(shares)[:MOST_AXES],
                ),
            ),
        ]
    else:
        blocks.append(
            Sentence(
                f"Importance is not shown: it takes {FEWEST_TRIALS} complete trials that differ in accuracy, and "
                f"{len(record.ranking)} {'is' if len(record.ranking) == 1 else 'are'} complete.",
                is_note=True,
            )
        )
    blocks += _write_effects(record)
    return Section("What mattered", tuple(blocks))


def _count_lines(record: StudyRecord) -> str:
    shown = MOST_PARALLEL_TRIALS
    return f"the {shown} best trials" if len(record.ranking) > shown else "complete trials"


def _count_axes(shares: Mapping[str, float]) -> str:
    return f", for the {MOST_AXES} most important parameters" if len(shares) > MOST_AXES else ""


def _describe_best(record: StudyRecord) -> str:
    best = record.best
    if best is None:
        return ""
    values = ", ".join(f"{name} {write_value(value)}" for name, value in best.parameters.items())
    return f"The best one has {values}."


def _write_effects(record: StudyRecord) -> list[Block]:
    trials = [trial for trial in record.trials if trial.value is not None]
    return write_effects(record.study.name, dict.fromkeys(find_varied_fields(trials), trials))


def write_effects(name: str, effects: Mapping[str, Sequence[TrialRecord]]) -> list[Block]:
    """Learning rate and dropout beside accuracy.

    Args:
        name: Of the study.
        effects: Each of these fields (`lr`, `dropout`) with the trials that it is shown with; none where it does not
            differ.
    """
    if not effects:
        return []
    words = " and ".join({"lr": "learning rate", "dropout": "dropout"}[field] for field in effects)
    shown = {trial.number: trial for trials in effects.values() for trial in trials}
    hollow = "; hollow points were pruned" if any(trial.state == "PRUNED" for trial in shown.values()) else ""
    return [
        Picture(
            f"{name}-recipe",
            f"{words.capitalize()} beside accuracy{hollow}.",
            f"Validation accuracy of {count_of(len(shown), 'trial')} by {words}.",
            partial(draw_recipe_effects, effects),
        )
    ]

"""What a study's record says, in words that a terminal and a page share."""

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from hpsearch.wording import count_of

if TYPE_CHECKING:
    from hpsearch.study.spec import StudySpec
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.summaries import StudySummary

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}
_MOST_ROWS = 20


def describe_counts(record: "StudyRecord | StudySummary") -> str:
    """In words: `11 complete, 4 pruned, 1 failed`, what there is none of left out."""
    counts = record.counts
    return ", ".join(f"{counts[state]:,} {word}" for state, word in _STATES.items() if counts[state]) or "none yet"


def describe_length(record: "StudyRecord") -> str:
    """How much is trained: `16 trials of 12 epochs`, or its rounds, and how many trials it asks for by now."""
    spec = record.study.spec
    if record.trials_wanted == spec.trials:
        return spec.describe_length()
    if spec.round_plan is None:
        return f"{count_of(record.trials_wanted, 'trial')} of {count_of(spec.epochs, 'epoch')}"
    return f"{record.trials_wanted} trials in rounds: {spec.round_plan.describe()}, and again"


def describe_selection(spec: "StudySpec") -> str:
    """What decides which trials go on: `pruner median`, `no pruner`, `rounds`."""
    if spec.round_plan is not None:
        return count_of(len(spec.round_plan.rounds), "round")
    return f"pruner {spec.pruner}"


def describe_rounds(record: "StudyRecord") -> str:
    """How far each round is: `8 of 8 at 2 epochs, 1 of 4 at 4, 0 of 2 at 20`; empty where there are none."""
    parts = [
        f"{round_.finished} of {round_.part.trials} at "
        + (count_of(round_.part.epochs, "epoch") if index == 0 else f"{round_.part.epochs}")
        for index, round_ in enumerate(record.rounds)
    ]
    return ", ".join(parts)


def list_failures(record: "StudyRecord") -> list[str]:
    """Why trials failed: each reason once with the trials that it ended, the most frequent first."""
    by_reason: dict[str, list[int]] = {}
    for trial in record.trials:
        if trial.state == "FAIL":
            by_reason.setdefault(trial.reason or "for no known reason", []).append(trial.number)
    ranked = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[1]))
    return [f"{name_trials(numbers)}: {reason}" for reason, numbers in ranked]


def name_trials(numbers: Iterable[int]) -> str:
    """Trials by their rising numbers, three and more in a row as a range: `trial 3`, `trials 0, 2, 5 to 9`.

    Of many that are not in a row, the first and how many there are more.
    """
    known = list(numbers)
    rows = [[number for _, number in row] for _, row in groupby(enumerate(known), lambda pair: pair[1] - pair[0])]
    parts: list[str] = []
    named = 0
    for row in rows[:_MOST_ROWS]:
        parts += [f"{row[0]} to {row[-1]}"] if len(row) > 2 else map(str, row)
        named += len(row)
    more = f" and {len(known) - named:,} more" if named < len(known) else ""
    return f"trial{'s' * (len(known) > 1)} {', '.join(parts)}{more}"

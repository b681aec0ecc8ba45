"""Which trial of a round goes on in the next, and for how many epochs: decided by what is stored, and nothing else.

Whoever claims a trial, and however often workers were killed, comes to the same answer.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from hpsearch.study.round_plan import LONGEST_EPOCHS, TRIAL_SECONDS, Cost, Place, RoundPlan, count_waves

MOST_ERRORS = 1.25
"""How many times the errors of a round's best what was given first may make to go on before it."""


@dataclass(frozen=True)
class FinishedTrial:
    """What a plan has to know of a trial that is finished."""

    number: int
    accuracy: float | None
    """In validation, after its last epoch; None where it has none to compare."""
    seconds: float
    epochs: int
    kind: str = ""
    """Of its network: alike for trials that differ in their widths and recipes alone."""
    cores: float | None = None
    """CPU seconds that it had a second; None where nobody has counted."""
    is_first: bool = False
    """Whether it trains the configuration that was given first: what had done best before the study began."""


@dataclass(frozen=True)
class Promotion:
    """What a trial of a later round is to be."""

    parent: int
    """The number of the trial whose configuration it takes."""
    epochs: int


def choose_promotion(plan: RoundPlan, number: int, finished: Sequence[FinishedTrial]) -> Promotion | None:
    """Which trial goes on as this one, and for how many epochs: decided by what is stored alone.

    Args:
        plan: Of the study.
        number: Of a trial that is not drawn.
        finished: The study's finished trials.

    Returns:
        The best of the round before that no earlier trial of this round takes, each kind of network once before one
        comes again with other widths or another recipe; where there are fewer, one of them under another seed. What
        was given first goes on before them, unless it is far behind. None where no trial of an earlier round is
        complete: then it is drawn.
    """
    place = plan.locate(number)
    known = {trial.number: trial for trial in finished}
    for earlier in reversed(range(place.round)):
        candidates = _rank_candidates(plan, place.block, earlier, known)
        if candidates:
            parent = candidates[place.position % len(candidates)]
            return Promotion(parent.number, _choose_epochs(plan, place, parent, known))
    return None


def choose_first_epochs(plan: RoundPlan, number: int, cost: Cost) -> int:
    """The epochs of a trial that is drawn: as many as its network has in the time of its round's trials."""
    part = plan.rounds[plan.locate(number).round]
    if plan.epoch_seconds is None or plan.speed is None:
        return part.epochs
    return min(LONGEST_EPOCHS, max(1, round(part.epochs * plan.epoch_seconds / plan.speed.estimate(cost))))


def _rank_candidates(
    plan: RoundPlan, block: int, round_index: int, known: Mapping[int, FinishedTrial]
) -> list[FinishedTrial]:
    """The best of a round; in later blocks also what earlier ones left over."""
    size = plan.rounds[round_index + 1].trials if round_index + 1 < len(plan.rounds) else 0
    left: list[FinishedTrial] = []
    for index in range(block + 1):
        start = index * plan.trials + sum(part.trials for part in plan.rounds[:round_index])
        numbers = range(start, start + plan.rounds[round_index].trials)
        left += [known[number] for number in numbers if number in known and known[number].accuracy is not None]
        left = _put_kinds_by_turns(_rank(left))
        if index < block:
            left = left[size:]
    return left


def _rank(trials: Sequence[FinishedTrial]) -> list[FinishedTrial]:
    """The most accurate ones first, but for the one that was given first.

    That one did best in long trainings, of which a short round says little (docs/log.md). Images on which it errs a
    quarter more often than the round's best are unlike those that it is known from.
    """
    ranked = sorted(trials, key=lambda trial: (-(trial.accuracy or 0.0), trial.number))
    if not ranked:
        return []
    bearable = MOST_ERRORS * (1 - (ranked[0].accuracy or 0.0))
    return sorted(ranked, key=lambda trial: not (trial.is_first and 1 - (trial.accuracy or 0.0) <= bearable))


def _put_kinds_by_turns(ranked: Sequence[FinishedTrial]) -> list[FinishedTrial]:
    """The best trial of each kind of network, then the second of each, and so on.

    What learns fastest is not what ends best, and in a short round all of the first places can go to one kind that
    learns fast (docs/log.md).
    """
    seen: Counter[str] = Counter()
    turns: list[tuple[int, FinishedTrial]] = []
    for trial in ranked:
        turns.append((seen[trial.kind], trial))
        seen[trial.kind] += 1
    return [trial for _, trial in sorted(turns, key=lambda turn: turn[0])]


def _choose_epochs(plan: RoundPlan, place: Place, parent: FinishedTrial, known: Mapping[int, FinishedTrial]) -> int:
    part = plan.rounds[place.round]
    if plan.seconds is None or plan.epoch_seconds is None:
        return part.epochs
    spent = _measure_spent(plan, place, known)
    rest = range(place.round, len(plan.rounds))
    waves = [count_waves(plan.rounds[index].trials, plan.count_at_once(index)) for index in rest]
    weights = [
        count * plan.scale_epoch_seconds(index, plan.rounds[index].epochs)
        for count, index in zip(waves, rest, strict=True)
    ]
    share = max(0.0, plan.seconds - spent) * weights[0] / sum(weights) / waves[0] - TRIAL_SECONDS
    epoch_seconds = plan.scale_epoch_seconds(
        place.round, parent.seconds / parent.epochs * _compare_cores(plan, place, parent, known)
    )
    affordable = int(share / epoch_seconds) if epoch_seconds > 0 else LONGEST_EPOCHS
    return max(parent.epochs, min(LONGEST_EPOCHS, affordable))


def _compare_cores(plan: RoundPlan, place: Place, parent: FinishedTrial, known: Mapping[int, FinishedTrial]) -> float:
    """How many times as much of its cores a trial had as those that ended the round before; 1 where it is not known.

    What ran beside the search while the parent trained may be gone, or have come since.
    """
    before = [known[number].cores for number in range(place.first) if number in known]
    last = [cores for cores in before if cores][-plan.workers :]
    return parent.cores / fmean(last) if parent.cores and last else 1.0


def _measure_spent(plan: RoundPlan, place: Place, known: Mapping[int, FinishedTrial]) -> float:
    """The seconds that the rounds before took, one after the other."""
    spent, first = 0.0, place.block * plan.trials
    for done in plan.rounds[: place.round]:
        trials = [known[number] for number in range(first, first + done.trials) if number in known]
        spent += measure_makespan([trial.seconds + TRIAL_SECONDS for trial in trials], plan.workers)
        first += done.trials
    return spent


def measure_makespan(durations: Sequence[float], workers: int) -> float:
    """How long so many workers take that each take the next trial when they have finished one."""
    ends = [0.0] * workers
    for duration in durations:
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)

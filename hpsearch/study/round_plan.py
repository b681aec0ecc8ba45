"""Where the time of a search goes: rounds of trials, each longer than the last and for fewer configurations.

The first round draws many configurations and trains each for a short time on a schedule of its own (a one_cycle that is
cut off is no short one). Each further round begins anew, for longer, with the best of the round before it. In the last
one every worker trains one configuration for all the time that is left, and what validates best is the result. That is
successive halving (Jamieson and Talwalkar, 2016) with restarts. Where that time is short, several cores train one
configuration together: fewer are compared, each for more epochs.

A plan is made once, when its study is made, and decides how many trials there are. With a time to keep, what a trial
costs decides its epochs: a network of three times the operations gets a third of them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hpsearch.durations import format_duration
from hpsearch.errors import InputError
from hpsearch.study.recipe import Epochs
from hpsearch.wording import count_of

EARLY_SHARE = 0.1
"""Of a search's time: what the first round has, and the second of three. More where the last cannot use its part.

Little, since what pays most is the length of the last trainings (docs/log.md)."""

START_SECONDS = 20.0
"""What a search takes beside its trials: workers that start, the data, the one opening of the test split."""
TIMED_START_SECONDS = START_SECONDS + 15.0
"""The same of a search that is given a time: it measures first how long an epoch takes."""
TRIAL_SECONDS = 0.5
"""What a trial takes beside its epochs: the claim, the finish."""

LONGEST_EPOCHS = 300
"""Of a trial: where the time would buy more, it goes into more trials."""

_ONE_ROUND_EPOCHS = 30
"""With fewer epochs a worker nothing is screened: what that costs, the one training needs more."""
_ONE_ROUND_EPOCHS_OF_KNOWN = 50
"""The same where each worker can train what is known to be good: screening would take more than an eighth, to find
what the next best of the known ones is (docs/log.md)."""
_LEAST_SCREENED_EPOCHS = 3
"""With fewer, what learns fast leads what ends well (docs/log.md)."""
_MOST_SCREENED = 4096
_LEAST_COMPARED = 16
_IMAGES_A_CONFIGURATION = 8

ENOUGH_EPOCHS = 64
"""Of the last round: with fewer, more epochs are worth more than a choice between trainings (docs/log.md)."""
LEAST_EFFICIENCY = 0.65
"""Of cores that train together, beside as many that train each its own: with less they stay apart."""

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Round(BaseModel):
    """So many trials of so many epochs."""

    model_config = _FROZEN

    trials: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
    epochs: Annotated[Epochs, Field(strict=True)]
    """Of each trial; where the plan keeps a time, of the network that its speed was measured with."""


class MeasuredNetwork(BaseModel):
    """A network whose epoch was measured itself."""

    model_config = _FROZEN

    macs: Annotated[int, Field(ge=0)]
    values: Annotated[int, Field(ge=0)]
    seconds: _Positive


class Speed(BaseModel):
    """What an epoch of a network takes here: seconds for its multiply-accumulates, and for the values of its layers."""

    model_config = _FROZEN

    seconds_per_mac: _NotNegative
    """Of an epoch, for each multiply-accumulate of one image."""
    seconds_per_value: _NotNegative
    """The same for each number that a layer gives: norms, activations and pools pass over those."""
    measured: Annotated[tuple[MeasuredNetwork, ...], Field(exclude_if=lambda networks: not networks)] = ()
    """Networks of which more is known than that: 40 channels can take as long as 48 do."""

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.seconds_per_mac + self.seconds_per_value <= 0:
            raise ValueError("an epoch takes some time")
        return self

    def estimate(self, cost: "Cost") -> float:
        """Seconds of one epoch of a network."""
        for network in self.measured:
            if (network.macs, network.values) == (cost.macs, cost.values):
                return network.seconds
        return self.seconds_per_mac * cost.macs + self.seconds_per_value * cost.values


@dataclass(frozen=True)
class Cost:
    """What decides the time of an epoch, for one image."""

    macs: int
    """Multiply-accumulates of a forward pass."""
    values: int
    """Numbers that its layers give."""


class RoundPlan(BaseModel):
    """The rounds of a study, and what they are to take."""

    model_config = _FROZEN

    version: Literal[1] = 1
    rounds: Annotated[tuple[Round, ...], Field(min_length=1, max_length=16)]
    workers: Annotated[int, Field(ge=1)] = 1
    """For so many at once."""
    seconds: _Positive | None = None
    """That all trials are to take; None where the epochs are exact, whatever time they take."""
    epoch_seconds: _Positive | None = None
    """Of the network that `epochs` counts."""
    speed: Speed | None = None
    threads: Annotated[int, Field(ge=1, le=1024, exclude_if=lambda count: count == 1)] = 1
    """Cores that train each trial of the last round together; of the others one."""
    speedup: Annotated[_Positive, Field(exclude_if=lambda times: times == 1)] = 1.0
    """How many times as fast those train as one. Where each trains alone, a stored plan has neither: as before."""

    @model_validator(mode="before")
    @classmethod
    def _take_a_list(cls, given: Any) -> Any:
        """As a study file has it: the rounds alone."""
        return {"rounds": given} if isinstance(given, list | tuple) else given

    @model_validator(mode="after")
    def _time_has_a_measure(self) -> Self:
        measures = (self.seconds, self.epoch_seconds, self.speed)
        if any(value is None for value in measures) is not all(value is None for value in measures):
            raise ValueError("seconds, epoch_seconds and speed go together: a plan has all of them or none")
        return self

    @model_validator(mode="after")
    def _workers_share_out(self) -> Self:
        if self.threads > 1 and (self.seconds is None or self.workers % self.threads):
            raise ValueError("threads divide the workers of a plan that keeps a time")
        return self

    @property
    def trials(self) -> int:
        """Of all rounds together."""
        return sum(part.trials for part in self.rounds)

    @property
    def drawn(self) -> int:
        """Trials of the first round: the others repeat the best of these for longer."""
        return self.rounds[0].trials

    def locate(self, number: int) -> "Place":
        """Where in the plan a trial stands; beyond its end the rounds begin anew."""
        block, within = divmod(number, self.trials)
        for index, part in enumerate(self.rounds):
            if within < part.trials:
                return Place(block, index, within, number - within)
            within -= part.trials
        raise AssertionError("the rounds hold all trials")

    def is_drawn(self, number: int) -> bool:
        """Whether a trial's configuration is drawn, not taken from the round before."""
        return self.locate(number).round == 0

    def count_open(self, existing: int, finished: int) -> int:
        """How many trials there may be now: a round begins when all before it are finished."""
        if existing == 0:
            return self.rounds[0].trials
        place = self.locate(existing)
        if place.position == 0:  # the trials so far fill whole rounds
            return existing + self.rounds[place.round].trials if finished >= existing else existing
        return place.first + self.rounds[place.round].trials

    def describe(self) -> str:
        """In words: `8 screened at 2 epochs, 4 at 4, 2 at 20`."""
        first, *others = self.rounds
        words = f"{first.trials} screened at {count_of(first.epochs, 'epoch')}" if others else _describe_only(first)
        words = ", ".join([words, *(f"{part.trials} at {part.epochs}" for part in others)])
        if self.threads == 1:
            return words
        return f"{words} on {self.threads} cores{' each' * (self.rounds[-1].trials > 1)}"

    def count_threads(self, number: int) -> int:
        """The cores that train a trial together."""
        return self.threads if self.locate(number).round == len(self.rounds) - 1 else 1

    def count_at_once(self, index: int) -> int:
        """How many trials of a round train side by side, where there are so many."""
        return self.workers // self.threads if index == len(self.rounds) - 1 else self.workers

    def scale_epoch_seconds(self, index: int, epoch_seconds: float) -> float:
        """What an epoch takes in a round that takes a core so long."""
        return epoch_seconds / self.speedup if index == len(self.rounds) - 1 else epoch_seconds

    def measure_more(self, seconds: Mapping[Cost, float]) -> "RoundPlan":
        """The same, knowing what an epoch of these networks takes."""
        if self.speed is None:
            raise ValueError("a plan of exact epochs has no use for a speed")
        networks = [MeasuredNetwork(macs=cost.macs, values=cost.values, seconds=took) for cost, took in seconds.items()]
        speed = self.speed.model_copy(update={"measured": (*self.speed.measured, *networks)})
        return self.model_copy(update={"speed": speed})

    def forecast_seconds(self) -> float:
        """What the rounds are expected to take, with what comes before and after them."""
        if self.epoch_seconds is None:
            raise ValueError("a plan of exact epochs does not know its time")
        return TIMED_START_SECONDS + sum(
            count_waves(part.trials, self.count_at_once(index))
            * (part.epochs * self.scale_epoch_seconds(index, self.epoch_seconds) + TRIAL_SECONDS)
            for index, part in enumerate(self.rounds)
        )


@dataclass(frozen=True)
class Place:
    """Where a trial stands in a plan."""

    block: int
    """0, but in a study that was asked for more trials than its plan had."""
    round: int
    """From 0."""
    position: int
    """Within its round, from 0."""
    first: int
    """The number of the first trial of its round."""


def plan_rounds(
    seconds: float,
    workers: int,
    speed: Speed,
    cost: Cost,
    *,
    threads: int = 1,
    speedup: float = 1.0,
    known: int = 0,
    drawn_at_most: int | None = None,
) -> RoundPlan:
    """Plan rounds that take so long.

    A tenth of the time goes into many short trials and a tenth into some longer ones, the rest into the last. With
    little time, which is little more than one training, fewer rounds.

    Args:
        seconds: Of wall time, for the whole search.
        workers: That train at once.
        speed: As it was measured.
        cost: Of the network whose epochs are counted.
        threads: Cores that train each trial of the last round together; a divisor of `workers`.
        speedup: How many times as fast those train as one.
        known: Configurations that the study is given and that are known to be good.
        drawn_at_most: Trials of the first round, but two for each worker; what is left of the time stays unused.

    Raises:
        InputError: The time is too short for a single epoch; the message names the shortest that works.
    """
    epoch_seconds = speed.estimate(cost)
    usable = seconds - TIMED_START_SECONDS
    if usable < epoch_seconds:
        shortest = math.ceil(TIMED_START_SECONDS + epoch_seconds * 1.05)
        raise InputError(
            f"time {format_duration(seconds)} is too short for a single epoch, which takes "
            f"{format_duration(epoch_seconds)} here beside {TIMED_START_SECONDS:.0f} s to start and to measure that: "
            f"give --time {shortest}s or more"
        )
    finalists = workers // threads
    least = _ONE_ROUND_EPOCHS_OF_KNOWN if known >= finalists else _ONE_ROUND_EPOCHS
    if usable < least * epoch_seconds:
        rounds = [Round(trials=finalists, epochs=int(usable / epoch_seconds * speedup))]
    else:
        most = _MOST_SCREENED if drawn_at_most is None else drawn_at_most
        rounds = _share_out(usable, epoch_seconds, workers, finalists, speedup, most)
    return RoundPlan(
        rounds=tuple(rounds),
        workers=workers,
        seconds=usable,
        epoch_seconds=epoch_seconds,
        speed=speed,
        threads=threads,
        speedup=speedup,
    )


def list_thread_counts(workers: int) -> list[int]:
    """Into what groups of equal size workers can be put, the smallest first; a group of one is none."""
    return [count for count in range(2, workers + 1) if workers % count == 0]


def count_comparable(validation_images: int) -> int:
    """How many configurations so many images can tell apart, roughly.

    The best of k that are equal stands out by chance by about sqrt(2 ln k) standard errors of their accuracies. With 72
    images one is 5 points: of 110 that is more than what configurations really differ by.
    """
    return max(_LEAST_COMPARED, validation_images // _IMAGES_A_CONFIGURATION)


def _share_out(
    seconds: float, epoch_seconds: float, workers: int, finalists: int, speedup: float, most: int
) -> list[Round]:
    """Rounds that fill so many seconds of each worker; in the last so many trials, each so many times as fast."""
    epochs = seconds / epoch_seconds

    def take(waves: int, each: int) -> float:
        return waves * (each * epoch_seconds + TRIAL_SECONDS)

    short = max(_LEAST_SCREENED_EPOCHS, round(math.sqrt(min(epochs, 4 * LONGEST_EPOCHS)) / 3))
    share = max(EARLY_SHARE, (1 - take(1, LONGEST_EPOCHS) / seconds) / 2)
    waves = max(2, round(share * seconds / take(1, short)))
    waves = min(waves, max(2, most // workers))
    rounds = [Round(trials=workers * waves, epochs=short)]
    left = seconds - take(waves, short)
    middle_waves = max(2, round(waves / 4))
    if waves >= 2 * middle_waves:
        middle = round((share * seconds / middle_waves - TRIAL_SECONDS) / epoch_seconds)
        middle = max(short + 1, min(middle, LONGEST_EPOCHS // 3))
        rounds.append(Round(trials=workers * middle_waves, epochs=middle))
        left -= take(middle_waves, middle)
    last = int((left - TRIAL_SECONDS) / epoch_seconds * speedup)
    return [*rounds, Round(trials=finalists, epochs=min(LONGEST_EPOCHS, max(rounds[-1].epochs, last)))]


def count_waves(trials: int, workers: int) -> int:
    """How often so many workers take a trial each until so many are done."""
    return -(-trials // workers)


def _describe_only(part: Round) -> str:
    return f"{part.trials} at {count_of(part.epochs, 'epoch')}"

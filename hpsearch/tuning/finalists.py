"""Finalists: the best configurations of a search, trained again under fresh seeds, and what can be said of them.

The best value of a search is the largest of many noisy ones, so it promises too much. A retrained mean does not, and
tells with its spread whether the first is better than the second at all. Finalists that train on the validation split
as well have no such mean: they stay in the order of the search, and what the test split says of them selects nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal

from hpsearch.errors import InputError
from hpsearch.study.recipe import count_int8_epochs
from hpsearch.study.trial_config import TrainsOn, TrialConfig
from hpsearch.study.trial_plan import TrialPlan, plan_replicates
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.study import Study

CONFIDENCE = 0.95
"""Of the intervals; below its complement a difference counts as found."""
_SAME = 1e-9
"""A standard deviation below this is rounding."""
PAIRED_TEST = "paired t-test over seeds"
_LONGEST_NAME = 64
"""Characters of a study's name."""


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing."""

    count: int
    mean: float
    deviation: float | None
    """Sample standard deviation; None of one measurement."""
    half_width: float | None
    """Of the 95% interval of the mean, by Student's t; None of one measurement."""

    @classmethod
    def measure(cls, values: Sequence[float]) -> "Spread | None":
        """Of these values; None where there are none."""
        if not values:
            return None
        if len(values) == 1:
            return cls(1, values[0], None, None)
        from scipy.special import stdtrit  # type: ignore[import-untyped]

        deviation = stdev(values)
        quantile = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
        return cls(len(values), fmean(values), deviation, quantile * deviation / math.sqrt(len(values)))

    def describe(self) -> dict[str, Any]:
        """As JSON."""
        interval = None if self.half_width is None else [self.mean - self.half_width, self.mean + self.half_width]
        return {"n": self.count, "mean": self.mean, "sd": self.deviation, "interval_95": interval}


@dataclass(frozen=True)
class Finalist:
    """One configuration: what the search said of it, and what its replicates say."""

    label: str
    trial: TrialRecord
    """Of the search."""
    replicates: tuple[TrialRecord, ...]
    """Its complete ones, by replicate."""
    failed: int
    """How many of its replicates failed."""
    validation: Spread | None
    """None while none is complete, and where nothing is held out."""
    int8: Spread | None
    """On the validation split in whole numbers of 8 bits; None where trainings do not end in them."""
    test: Spread | None
    """None while the test split is unopened for it."""

    @property
    def optimism(self) -> float | None:
        """By how much the search's value is above the retrained mean."""
        if self.validation is None or self.trial.value is None:
            return None
        return self.trial.value - self.validation.mean


@dataclass(frozen=True)
class Comparison:
    """The first two finalists over the seeds that both have."""

    split: Literal["validation", "test"]
    """Whose accuracies are compared: those of the test split only where nothing is held out to validate on."""
    pairs: int
    mean_difference: float
    p_value: float | None
    """Two-sided; None where the differences do not vary or fewer than two pairs exist."""

    @property
    def is_distinguishable(self) -> bool:
        """Whether they differ by more than seeds explain."""
        return self.p_value is not None and self.p_value < 1 - CONFIDENCE


@dataclass(frozen=True)
class Final:
    """Finalists, the highest retrained mean first, and whether the first is better than the second.

    Where nothing is held out, they are in the order of the search's ranking.
    """

    finalists: tuple[Finalist, ...]
    comparison: Comparison | None


def name_finalists(search: str, trains_on: TrainsOn = "train", *, int8: bool = False) -> str:
    """What the study of a search's finalists is called where nobody gives it a name."""
    ending = ("-finalists" if trains_on == "train" else "-finalists-all") + ("-int8" if int8 else "")
    return f"{search[: _LONGEST_NAME - len(ending)]}{ending}"


def find_search_name(study: Study) -> str | None:
    """The search whose finalists a study trains; None of any other study."""
    if study.plan is None:
        return None
    if study.plan.search is not None:
        return study.plan.search
    search = study.name.removesuffix("-finalists")  # the plan is from before it said so
    return search if search != study.name else None


def plan_finalists(
    record: StudyRecord,
    *,
    top: int,
    replicates: int,
    epochs: int | None = None,
    trains_on: TrainsOn = "train",
    int8: bool = False,
) -> TrialPlan:
    """The best distinct configurations of a search, each under fresh seeds; with `int8` they end in whole numbers.

    Raises:
        InputError: The search has no complete trial, or no validation accuracy to rank them by.
    """
    if not record.study.is_validated:
        raise InputError(
            f"study {record.study.name!r} trains on {record.study.trains_on}, so that none of its trials is the best "
            "by validation: give the search itself"
        )
    chosen = choose_finalists(record, top)
    if not chosen:
        raise InputError(
            f"study {record.study.name!r} has no complete trial: hpsearch show {record.study.name} says more"
        )
    configs = {_label(trial): trial.config for trial in chosen if trial.config is not None}
    if int8:
        configs = {label: _end_in_int8(config, epochs) for label, config in configs.items()}
    return plan_replicates(
        configs,
        replicates,
        epochs=epochs,
        seed=record.study.spec.seed,
        trains_on=trains_on,
        search=record.study.name,
    )


def _end_in_int8(config: TrialConfig, epochs: int | None) -> TrialConfig:
    count = count_int8_epochs(epochs or config.recipe.epochs)
    return config.model_copy(update={"recipe": config.recipe.model_copy(update={"int8_epochs": count})})


def choose_finalists(record: StudyRecord, top: int) -> list[TrialRecord]:
    """The `top` best complete trials by validation, of equal configurations the best one only."""
    return record.distinct_ranking[:top]


def summarize_finalists(search: StudyRecord, final: StudyRecord) -> Final:
    """What the finalists' study says by now.

    Raises:
        InputError: It is none, or the search has not the trials that it comes from.
    """
    plan = final.study.plan
    if plan is None:
        raise InputError(f"study {final.study.name!r} is no study of finalists")
    _check_origin(search, final, plan)
    by_label = {_label(trial): trial for trial in search.trials}
    finalists = [_summarize(label, by_label[label], final) for label in plan.labels]
    if plan.is_validated:
        finalists.sort(key=lambda finalist: -(finalist.validation.mean if finalist.validation else -1.0))
    comparison = _compare(finalists[0], finalists[1], plan) if len(finalists) > 1 else None
    return Final(tuple(finalists), comparison)


def _label(trial: TrialRecord) -> str:
    return f"trial {trial.number}"


def _check_origin(search: StudyRecord, final: StudyRecord, plan: TrialPlan) -> None:
    """A search that was deleted and made anew has other trials of the same numbers."""
    known = {_label(trial): trial for trial in search.trials}
    for planned in plan.trials:
        origin = known.get(planned.label)
        config = origin.config if origin is not None else None
        if config is None or config.architecture != planned.config.architecture:
            raise InputError(
                f"study {final.study.name!r} trains {planned.label} of a study {search.study.name!r} that is not the "
                f"one here: hpsearch delete {final.study.name}, then hpsearch finalists {search.study.name}"
            )


def _summarize(label: str, trial: TrialRecord, final: StudyRecord) -> Finalist:
    mine = [known for known in final.trials if known.label == label]
    complete = tuple(known for known in mine if known.state == "COMPLETE")
    scores = [known.test_accuracy for known in complete if known.test_accuracy is not None]
    return Finalist(
        label=label,
        trial=trial,
        replicates=complete,
        failed=sum(known.state == "FAIL" for known in mine),
        validation=Spread.measure([known.value for known in complete if known.value is not None]),
        int8=Spread.measure([known.int8_accuracy for known in complete if known.int8_accuracy is not None]),
        test=Spread.measure(scores),
    )


def _compare(first: Finalist, second: Finalist, plan: TrialPlan) -> Comparison | None:
    values = [
        {
            plan.trials[trial.number].replicate: accuracy
            for trial in finalist.replicates
            if (accuracy := trial.value if plan.is_validated else trial.test_accuracy) is not None
        }
        for finalist in (first, second)
    ]
    common = sorted(values[0].keys() & values[1].keys())
    if not common:
        return None
    differences = [values[0][replicate] - values[1][replicate] for replicate in common]
    p_value = None
    if len(common) > 1 and stdev(differences) > _SAME:
        from scipy.special import stdtr

        t = fmean(differences) / (stdev(differences) / math.sqrt(len(common)))
        p_value = float(2 * stdtr(len(common) - 1, -abs(t)))
    split: Literal["validation", "test"] = "validation" if plan.is_validated else "test"
    return Comparison(split, len(common), fmean(differences), p_value)

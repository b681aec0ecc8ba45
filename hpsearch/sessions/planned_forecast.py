"""What a planned study would do and take: which networks, how often, how long."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.sessions.hardware import Hardware, choose_hardware
from hpsearch.sessions.preparation import identify_dataset
from hpsearch.sessions.request import make_absolute
from hpsearch.study.round_plan import START_SECONDS, TRIAL_SECONDS
from hpsearch.tuning.promotion import measure_makespan

if TYPE_CHECKING:
    from hpsearch.dataset import DatasetIdentity
    from hpsearch.study.planned import PlannedStudy
    from hpsearch.study.trial_plan import TrialPlan


@dataclass(frozen=True)
class PlannedForecast:
    """What a planned study would do and take."""

    planned: "PlannedStudy"
    plan: "TrialPlan"
    dataset: "DatasetIdentity"
    hardware: Hardware
    epoch_seconds: dict[str, float]
    """By label, measured on images of noise."""

    @property
    def seconds(self) -> float:
        """All trainings: each worker takes the next when it has finished one."""
        durations = [
            self.epoch_seconds[trial.label] * trial.config.recipe.epochs + TRIAL_SECONDS for trial in self.plan.trials
        ]
        return START_SECONDS + measure_makespan(durations, self.hardware.workers)


def forecast_planned_study(
    planned: "PlannedStudy", device: str, workers: int | None, cache_folder: Path, tell: Callable[[str], None]
) -> PlannedForecast:
    """Measure an epoch of each kind of network; nothing is fetched, trained or stored.

    Raises:
        InputError: There is no such device or data set, or a network does not go with its budget or with the images.
    """
    from hpsearch.training.device import choose_device
    from hpsearch.training.throughput import EpochTimer

    planned = replace(planned, dataset=make_absolute(planned.dataset))
    dataset = identify_dataset(planned.dataset, cache_folder, tell, preparation=planned.preparation)
    plan = planned.make_plan(dataset)
    hardware = choose_hardware(device, workers, most=len(plan.trials))
    timer = EpochTimer(choose_device(hardware.name))
    measured: dict[tuple[Any, ...], float] = {}
    by_label: dict[str, float] = {}
    for trial in plan.trials[: len(planned.trainings)]:
        recipe = trial.config.recipe
        # What else a recipe says hardly changes the time.
        kind = (trial.config.architecture, recipe.batch_size, recipe.optimizer, recipe.dropout > 0, recipe.l1 > 0)
        if kind not in measured:
            tell(f"measuring {trial.label}")
            measured[kind] = timer.measure(trial.config)
        by_label[trial.label] = measured[kind]
    return PlannedForecast(planned, plan, dataset, hardware, by_label)

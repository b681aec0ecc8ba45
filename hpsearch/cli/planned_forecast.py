"""`hpsearch plan` of a study file that says what to train: which networks, how often, how long it would take."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.cli.networks import draw_facts
from hpsearch.cli.tables import make_table
from hpsearch.durations import format_duration
from hpsearch.sessions.preparation import Hardware, choose_hardware, identify_dataset, make_absolute

if TYPE_CHECKING:
    from rich.console import Console

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
        """All trainings, if no worker waits for another."""
        total = sum(self.epoch_seconds[trial.label] * trial.config.recipe.epochs for trial in self.plan.trials)
        return total / self.hardware.workers


def forecast_planned_study(
    planned: "PlannedStudy", device: str, workers: int | None, cache_folder: Path, tell: Callable[[str], None]
) -> PlannedForecast:
    """Measure an epoch of each kind of network; nothing is fetched, trained or stored.

    Raises:
        InputError: There is no such device or data set, or a network does not go with its budget or with the images.
    """
    from hpsearch.training.device import choose_device, configure_threads
    from hpsearch.training.throughput import measure_epoch_seconds

    planned = replace(planned, dataset=make_absolute(planned.dataset))
    dataset = identify_dataset(planned.dataset, cache_folder, tell)
    plan = planned.make_plan(dataset)
    hardware = choose_hardware(device, workers, most=len(plan.trials))
    configure_threads(1)  # as a worker has it
    measured: dict[tuple[Any, ...], float] = {}
    by_label: dict[str, float] = {}
    for trial in plan.trials[: len(planned.trainings)]:
        recipe = trial.config.recipe
        # What else a recipe says hardly changes the time.
        kind = (trial.config.architecture, recipe.batch_size, recipe.optimizer, recipe.dropout > 0, recipe.l1 > 0)
        if kind not in measured:
            tell(f"measuring {trial.label}")
            measured[kind] = measure_epoch_seconds(trial.config, choose_device(hardware.name))
        by_label[trial.label] = measured[kind]
    return PlannedForecast(planned, plan, dataset, hardware, by_label)


def show_planned_forecast(console: "Console", made: PlannedForecast) -> None:
    """Write the table and the forecast."""
    planned, dataset = made.planned, made.dataset
    console.print(planned.origin.title or planned.name, style="bold", soft_wrap=True)
    facts = [("images", f"{dataset.name}: {dataset.input_shape}, {dataset.class_count} classes")]
    held_out = round(dataset.train_count * made.plan.trials[0].config.validation_fraction)
    facts.append(("splits", f"{dataset.train_count - held_out:,} to train on, {held_out:,} to validate"))
    facts.append(("trainings", f"{len(made.plan.trials)}: {len(planned.trainings)}, {planned.replicates} of each"))
    console.print(draw_facts(facts))
    console.print()
    table = make_table("/", "weights>", "MACs>", "epochs>", "an epoch>", "network and recipe/")
    for label, config in made.plan.configs.items():
        table.add_row(
            label,
            f"{config.count_weights():,}",
            f"{config.count_macs():,}",
            str(config.recipe.epochs),
            format_duration(made.epoch_seconds[label]),
            f"{config.architecture.describe()}; {config.recipe.describe()}",
        )
    console.print(table)
    console.print(f"\nabout {format_duration(made.seconds)} with {made.hardware.describe()}", soft_wrap=True)


def describe_planned_forecast(made: PlannedForecast) -> dict[str, Any]:
    """The same as a JSON document."""
    return {
        "study": made.planned.name,
        "title": made.planned.origin.title,
        "dataset": made.dataset.model_dump(mode="json"),
        "device": made.hardware.name,
        "workers": made.hardware.workers,
        "trainings": len(made.plan.trials),
        "labels": [
            {
                "label": label,
                "weights": config.count_weights(),
                "macs": config.count_macs(),
                "epoch_seconds": made.epoch_seconds[label],
                "config": config.model_dump(mode="json"),
            }
            for label, config in made.plan.configs.items()
        ],
        "forecast_seconds": made.seconds,
    }

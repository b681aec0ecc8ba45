"""What a planned study would do and take, as a table and as a JSON document."""

from typing import TYPE_CHECKING, Any

from hpsearch.durations import format_duration
from hpsearch.views.networks import draw_facts
from hpsearch.views.tables import make_table

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.sessions.planned_forecast import PlannedForecast


def show_planned_forecast(console: "Console", made: "PlannedForecast") -> None:
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


def describe_planned_forecast(made: "PlannedForecast") -> dict[str, Any]:
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

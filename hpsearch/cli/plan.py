"""`hpsearch plan`: what a search would do and take, before anything is spent."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.cli.networks import describe_unused, draw_facts, draw_layers
from hpsearch.cli.options import (
    ArchOption,
    BudgetOption,
    DatasetOption,
    DeviceOption,
    EpochsOption,
    JsonOption,
    PrunerOption,
    ReplicatesOption,
    SamplerOption,
    StudyFileArgument,
    TimeOption,
    TrialsOption,
    WorkersOption,
    choose_cache_folder,
    read_number,
)
from hpsearch.cli.planned_forecast import (
    describe_planned_forecast,
    forecast_planned_study,
    show_planned_forecast,
)
from hpsearch.cli.planned_session import read_planned_study
from hpsearch.cli.screen import open_console, write_json
from hpsearch.cli.session import open_steps
from hpsearch.durations import format_duration
from hpsearch.sessions.forecast import expect_epoch_share, forecast_seconds
from hpsearch.sessions.preparation import (
    Hardware,
    Request,
    choose_hardware_for,
    describe_left_out,
    fit,
    identify_dataset,
    measure_plan,
    parse_workers,
    read_request,
)
from hpsearch.tuning.record_words import describe_selection

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.dataset import DatasetIdentity
    from hpsearch.study.feasibility import FittedSpace
    from hpsearch.study.recipe import Recipe
    from hpsearch.study.search_space import SearchSpace, Value
    from hpsearch.study.spec import StudySpec
    from hpsearch.study.trial_config import TrialConfig

_DEPTH = {"fcn": "depth", "cnn": "stages"}


def plan(
    study_file: StudyFileArgument = None,
    budget: BudgetOption = None,
    arch: ArchOption = None,
    dataset: DatasetOption = None,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    time: TimeOption = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    replicates: ReplicatesOption = None,
    workers: WorkersOption = "auto",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show what a search would try and how long it would take; nothing is fetched, trained or stored.

    Example: [bold]hpsearch plan --budget 10k --arch cnn[/]

    Example: [bold]hpsearch plan studies/004-cnn-budgets.toml[/]
    """
    flags: dict[str, int | str | None] = {"budget": budget, "arch": arch, "dataset": dataset, "time": time}
    flags |= {"trials": read_number(trials), "epochs": read_number(epochs), "sampler": sampler, "pruner": pruner}
    console = open_console(stderr=as_json)
    if (planned := read_planned_study(study_file, flags, replicates)) is not None:
        with open_steps(console if console.is_terminal else None) as steps:
            count, folder = parse_workers(workers), choose_cache_folder()
            forecast = forecast_planned_study(planned, device, count, folder, steps.tell)
        if as_json:
            write_json(describe_planned_forecast(forecast))
        else:
            show_planned_forecast(console, forecast)
        return
    request = read_request(study_file, flags, device, workers)
    with open_steps(console if console.is_terminal else None) as steps:
        made = _make_plan(request, choose_cache_folder(), steps.tell)
    if as_json:
        write_json(_describe(made))
    else:
        _show(console, made)


@dataclass(frozen=True)
class Example:
    """A network of one depth, as the middle of the space has it."""

    depth: int
    config: "TrialConfig"
    epoch_seconds: float
    """Measured on images of noise."""


@dataclass(frozen=True)
class Plan:
    """What a search would do and take."""

    spec: "StudySpec"
    dataset: "DatasetIdentity"
    hardware: Hardware
    fitted: "FittedSpace"
    examples: tuple[Example, ...]

    @property
    def seconds(self) -> float:
        """All trials to their last epoch."""
        if self.spec.round_plan is not None and self.spec.time is not None:
            return self.spec.round_plan.forecast_seconds()
        mean = sum(example.epoch_seconds for example in self.examples) / len(self.examples)
        spec = self.spec
        return forecast_seconds(
            trials=spec.trials, epochs=spec.epochs, epoch_seconds=mean, workers=self.hardware.workers
        )

    @property
    def pruned_seconds(self) -> float:
        """The same with the pruner's share of epochs left out."""
        return self.seconds * expect_epoch_share(self.spec.pruner, self.spec.epochs)


def _make_plan(request: Request, cache_folder: Path, tell: Any) -> Plan:
    from hpsearch.training.device import choose_device, configure_threads
    from hpsearch.training.throughput import measure_epoch_seconds

    spec = request.spec
    hardware = choose_hardware_for(request)
    dataset = identify_dataset(spec.dataset, cache_folder, tell)
    fitted = fit(spec, dataset)
    configure_threads(1)  # as a worker has it
    examples = []
    for depth in fitted.space.choices(_DEPTH[spec.arch]):
        config = _make_example(spec, fitted.space, dataset, depth)
        tell(f"measuring {config.architecture.describe()}")
        seconds = measure_epoch_seconds(config, choose_device(hardware.name))
        examples.append(Example(int(depth), config, seconds))
    if spec.has_open_plan:
        spec = spec.settle_rounds(measure_plan(spec, dataset, fitted, hardware, tell))
    return Plan(spec, dataset, hardware, fitted, tuple(examples))


def _make_example(spec: "StudySpec", space: "SearchSpace", dataset: "DatasetIdentity", depth: "Value") -> "TrialConfig":
    from hpsearch.network.solver import solve
    from hpsearch.study.feasibility import example_shape
    from hpsearch.study.trial_config import TrialConfig

    shape = example_shape(spec.arch, space, {_DEPTH[spec.arch]: depth})
    return TrialConfig(
        architecture=solve(shape, spec.budget, dataset.input_shape, dataset.class_count),
        recipe=_make_recipe(space, spec.epochs),
        dataset=dataset,
        validation_fraction=spec.validation_fraction,
        seed=0,
        budget=spec.budget,
    )


def _make_recipe(space: "SearchSpace", epochs: int) -> "Recipe":
    """The first of each choice and the low end of each range: an epoch's time hardly depends on the rest."""
    from hpsearch.study.parameters import build_recipe
    from hpsearch.study.search_space import Choices

    parameters = {
        name: distribution.values[0] if isinstance(distribution, Choices) else distribution.low
        for name, distribution in space.distributions.items()
    }
    return build_recipe(parameters, epochs)


def _show(console: "Console", made: Plan) -> None:
    spec, dataset = made.spec, made.dataset
    console.print(f"A search for a {spec.arch} of at most {spec.budget:,} weights on {dataset.name}", style="bold")
    depths = ", ".join(str(example.depth) for example in made.examples)
    facts = [("images", f"{dataset.input_shape}, {dataset.class_count} classes, {dataset.train_count:,} to train on")]
    facts.append((_DEPTH[spec.arch], f"{depths} fit"))
    facts += [("left out", line) for line in describe_left_out(made.fitted)]
    console.print(draw_facts(facts))
    for example in made.examples:
        console.print()
        console.print(
            f"For example with {_DEPTH[spec.arch]} {example.depth}: {example.config.architecture.describe()}",
            soft_wrap=True,
        )
        console.print(draw_layers(example.config.architecture, dataset, spec.budget))
        unused = describe_unused(example.config.architecture, dataset, spec.budget)
        if unused is not None and _asks_for_multiples(made.fitted.space):
            console.print(unused, style="dim", soft_wrap=True)
        console.print(f"one epoch takes {format_duration(example.epoch_seconds)}", style="dim")
    console.print("\nThe search space", style="bold")
    console.print(draw_facts(_list_space(made.fitted.space)))
    console.print("\nForecast", style="bold")
    console.print(draw_facts(_list_forecast(made)))


def _asks_for_multiples(space: "SearchSpace") -> bool:
    """Whether an example of this space may leave budget for channels in multiples."""
    from hpsearch.study.search_space import Choices

    match space.distributions.get("width_multiple"):
        case Choices(values=(first, *_)):
            return first != 1
        case None:
            return False
    return True


def _list_space(space: "SearchSpace") -> list[tuple[str, str]]:
    """What is drawn, and in one line what is not."""
    from hpsearch.study.search_space import Choices

    words = {name: str(distribution) for name, distribution in space.distributions.items()}
    fixed = [
        name for name, found in space.distributions.items() if isinstance(found, Choices) and len(found.values) == 1
    ]
    rows = [(name, text) for name, text in words.items() if name not in fixed]
    return [*rows, ("fixed", ", ".join(f"{name} {words[name]}" for name in fixed) or "nothing")]


def _list_portfolio(made: Plan) -> list[str]:
    """The shipped configurations that would be the first trials."""
    from hpsearch.study.portfolio import list_fitting_entries
    from hpsearch.tuning.warm_start import count_given

    spec = made.spec
    if not spec.settle_portfolio().portfolio:
        return []
    entries = list_fitting_entries(spec.arch, made.fitted.space, spec.budget)
    return [entry.name for entry in entries[: count_given(spec)]]


def _list_forecast(made: Plan) -> list[tuple[str, str]]:
    spec = made.spec
    facts = [
        ("device", made.hardware.describe()),
        ("search", f"{spec.describe_length()}; sampler {spec.sampler}, {describe_selection(spec)}"),
        *([("first", f"the portfolio: {'; '.join(shipped)}")] if (shipped := _list_portfolio(made)) else []),
        ("time", _describe_time(made)),
    ]
    if spec.pruner != "none":
        facts.append(("", f"about {format_duration(made.pruned_seconds)} if {spec.pruner} prunes as it usually does"))
    if made.hardware.name == "cpu" and made.hardware.workers > (os.cpu_count() or 1):
        facts.append(("", f"more, as {made.hardware.workers} workers share {os.cpu_count()} cores"))
    return facts


def _describe_time(made: Plan) -> str:
    if made.spec.round_plan is not None:
        return f"about {format_duration(made.seconds)}; what a network costs decides its epochs"
    return f"about {format_duration(made.seconds)} if no trial is pruned"


def _describe(made: Plan) -> dict[str, Any]:
    return {
        "spec": made.spec.model_dump(mode="json"),
        "dataset": made.dataset.model_dump(mode="json"),
        "device": made.hardware.name,
        "device_description": made.hardware.description,
        "workers": made.hardware.workers,
        "left_out": {name: list(values) for name, values in made.fitted.left_out.items()},
        "space": made.fitted.space.model_dump(mode="json")["distributions"],
        "portfolio": _list_portfolio(made),
        "examples": [
            {
                _DEPTH[made.spec.arch]: example.depth,
                "network": example.config.architecture.describe(),
                "weights": example.config.count_weights(),
                "macs": example.config.count_macs(),
                "budget_used": example.config.count_weights() / made.spec.budget,
                "epoch_seconds": example.epoch_seconds,
                "architecture": example.config.architecture.model_dump(mode="json"),
            }
            for example in made.examples
        ],
        "forecast_seconds": made.seconds,
        "forecast_seconds_with_pruning": made.pruned_seconds,
    }

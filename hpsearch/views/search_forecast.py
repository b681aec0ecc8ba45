"""What a search would do and take, for a terminal and as a JSON document."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hpsearch.durations import format_duration
from hpsearch.reporting.record_words import describe_selection
from hpsearch.sessions.preparation import describe_left_out, describe_repetition, describe_unused_time
from hpsearch.views.networks import describe_device, describe_unused, draw_facts, draw_layers
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.sessions.search_forecast import SearchForecast
    from hpsearch.study.search_space import SearchSpace
    from hpsearch.study.spec import StudySpec
    from hpsearch.study.trial_config import TrialConfig


def show_search_forecast(console: "Console", made: "SearchForecast") -> None:
    """Write it."""
    spec, dataset = made.spec, made.dataset
    console.print(f"A search for a {spec.arch} of {spec.limits.describe()} on {dataset.name}", style="bold")
    depths = ", ".join(str(example.depth) for example in made.examples)
    facts = [("images", f"{dataset.input_shape}, {dataset.class_count} classes, {dataset.train_count:,} to train on")]
    facts.append((made.depth_name, f"{depths} fit"))
    facts += [("left out", line) for line in describe_left_out(made.fitted)]
    if repetition := describe_repetition(spec, made.fitted.space):
        facts.append(("note", repetition))
    console.print(draw_facts(facts))
    for example in made.examples:
        console.print()
        console.print(
            f"For example with {made.depth_name} {example.depth}: {example.config.architecture.describe()}",
            soft_wrap=True,
        )
        console.print(draw_layers(example.config.architecture, dataset, spec.limits))
        console.print(describe_device(example.config.architecture, dataset, spec.limits), style="dim")
        unused = describe_unused(example.config.architecture, dataset, spec.limits)
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


def _list_forecast(made: "SearchForecast") -> list[tuple[str, str]]:
    spec = made.spec
    facts = [
        ("device", made.hardware.describe()),
        ("search", f"{spec.describe_length()}; sampler {spec.sampler}, {describe_selection(spec)}"),
        *([("first", f"the portfolio: {'; '.join(shipped)}")] if (shipped := made.portfolio) else []),
        ("time", _describe_time(made)),
    ]
    if unused := describe_unused_time(spec, made.dataset):
        facts.append(("", unused))
    if spec.pruner != "none":
        facts.append(("", f"about {format_duration(made.pruned_seconds)} if {spec.pruner} prunes as it usually does"))
    cores = made.hardware.cores
    if cores is not None and made.hardware.workers > cores:
        facts.append(("", f"more, as {made.hardware.workers} workers share {count_of(cores, 'core')}"))
    return facts


def _describe_time(made: "SearchForecast") -> str:
    if made.spec.round_plan is not None:
        return f"about {format_duration(made.seconds)}; what a network costs decides its epochs"
    return f"about {format_duration(made.seconds)} if no trial is pruned"


def _describe_shares(spec: "StudySpec", config: "TrialConfig") -> dict[str, Any]:
    """Which part of each limit a network takes, and which limit binds."""
    shape, classes = config.dataset.input_shape, config.dataset.class_count
    shares = spec.limits.measure_shares(config.architecture, shape, classes)
    return {
        "budget_used": shares.get("budget"),
        "limits_used": shares,
        "binding_limit": max(shares, key=lambda name: shares[name]),
    }


def write_search_forecast(made: "SearchForecast") -> str:
    """The same as plain text, in lines of at most 100 columns."""
    from io import StringIO

    from rich.console import Console

    console = Console(file=StringIO(), width=100, markup=False, highlight=False, emoji=False, color_system=None)
    with console.capture() as capture:
        show_search_forecast(console, made)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())


def describe_search_forecast(made: "SearchForecast") -> dict[str, Any]:
    """The same as a JSON document."""
    return {
        "spec": made.spec.model_dump(mode="json"),
        "dataset": made.dataset.model_dump(mode="json"),
        "device": made.hardware.name,
        "device_description": made.hardware.description,
        "workers": made.hardware.workers,
        "left_out": {name: list(values) for name, values in made.fitted.left_out.items()},
        "space": made.fitted.space.model_dump(mode="json")["distributions"],
        "portfolio": made.portfolio,
        "examples": [
            {
                made.depth_name: example.depth,
                "network": example.config.architecture.describe(),
                "weights": example.config.count_weights(),
                "macs": example.config.count_macs(),
                "footprint": asdict(example.config.count_footprint()),
                **_describe_shares(made.spec, example.config),
                "epoch_seconds": example.epoch_seconds,
                "architecture": example.config.architecture.model_dump(mode="json"),
            }
            for example in made.examples
        ],
        "forecast_seconds": made.seconds,
        "forecast_seconds_with_pruning": made.pruned_seconds,
    }

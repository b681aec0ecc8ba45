"""A network, its recipe and its figures as a person reads them."""

import math
from typing import TYPE_CHECKING

from hpsearch.durations import format_duration
from hpsearch.reporting.record_words import name_trials
from hpsearch.views.measures import list_measures, list_steps
from hpsearch.views.search import format_accuracy
from hpsearch.views.tables import Trimmed
from hpsearch.wording import count_of, describe_error

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hpsearch.dataset import DatasetIdentity
    from hpsearch.network.architecture import Architecture
    from hpsearch.network.limits import Limits
    from hpsearch.tuning.records import StudyRecord, TrialRecord

_BARS = "▁▂▃▄▅▆▇█"


def draw_layers(architecture: "Architecture", dataset: "DatasetIdentity", limits: "Limits") -> "RenderableType":
    """The network layer by layer: what each is, the shape it gives, its weights and multiply-accumulates."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False, padding=(0, 1))
    weights = architecture.count_weights(dataset.input_shape, dataset.class_count)
    macs = architecture.count_macs(dataset.input_shape, dataset.class_count)
    budget = limits.budget
    used = f"{weights * 1000 // budget / 10}% of {budget:,} weights" if budget is not None else ""
    table.add_column("layer", footer="total", no_wrap=True)
    table.add_column("what", footer=used, no_wrap=True)
    table.add_column("output", justify="right", no_wrap=True)
    table.add_column("weights", footer=f"{weights:,}", justify="right", no_wrap=True)
    table.add_column("MACs", footer=f"{macs:,}", justify="right", no_wrap=True)
    table.add_row("input", f"{dataset.class_count} classes", str(dataset.input_shape), "", "")
    for layer in architecture.walk_layers(dataset.input_shape, dataset.class_count):
        table.add_row(*layer.write_cells(), style=None if layer.macs else "dim")
    return Trimmed(table)


def describe_device(architecture: "Architecture", dataset: "DatasetIdentity", limits: "Limits") -> str:
    """What the network takes of a small device, and of several limits which one binds."""
    from hpsearch.network.limits import format_limit
    from hpsearch.network.memory import count_footprint
    from hpsearch.network.sizes import show_bytes

    found = count_footprint(architecture, dataset.input_shape, dataset.class_count)
    text = (
        f"in int8 {show_bytes(found.ram_int8_bytes)} of RAM and {show_bytes(found.flash_int8_bytes)} of flash; "
        f"in fp32 {show_bytes(found.ram_fp32_bytes)} and {show_bytes(found.flash_fp32_bytes)}"
    )
    if not limits.is_of_device:
        return text
    shares = limits.measure_shares(architecture, dataset.input_shape, dataset.class_count)
    first, *others = sorted(shares, key=lambda name: -shares[name])
    rest = "".join(f", {name} {shares[name]:.1%}" for name in others)
    return f"{text}\n{first} binds: {shares[first]:.1%} of {format_limit(first, limits.named[first])} is used{rest}"


def list_footprint(trial: "TrialRecord") -> list[str]:
    """RAM and flash in int8, as cells of a table."""
    from hpsearch.network.sizes import show_bytes

    footprint = trial.footprint
    if footprint is None:
        return ["-", "-"]
    return [show_bytes(footprint.ram_int8_bytes), show_bytes(footprint.flash_int8_bytes)]


def describe_unused(architecture: "Architecture", dataset: "DatasetIdentity", limits: "Limits") -> str | None:
    """What to say where more than 1% of the budget is given up for channel counts that train fast."""
    from hpsearch.network.widths import TOLERANCE

    budget = limits.budget
    if budget is None or limits.is_of_device:  # then something else binds
        return None
    weights = architecture.count_weights(dataset.input_shape, dataset.class_count)
    if architecture.arch != "cnn" or weights >= (1 - TOLERANCE) * budget:
        return None
    multiple = math.gcd(*(stage.channels[0] for stage in architecture.stages))
    return (
        f"{(budget - weights) / budget:.1%} of the budget is left for channels in multiples of {multiple}, "
        "which train faster; width_multiple = 1 in a study file's [space] uses it"
    )


def draw_facts(facts: "list[tuple[str, str]]") -> "RenderableType":
    """Two columns: what, and its value in words."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for name, value in facts:
        grid.add_row(name, value)
    return Trimmed(grid)


def list_trial_facts(record: "StudyRecord", trial: "TrialRecord") -> list[tuple[str, str]]:
    """What there is to say of a trial beside its layers."""
    config = trial.config
    facts: list[tuple[str, str]] = []
    if config is not None:
        facts += [("network", config.architecture.describe()), ("recipe", config.recipe.describe())]
    if trial.given_by is not None:
        facts.append(("given by", trial.given_by))
    if (number := record.find_round(trial)) is not None:
        whence = f", with the configuration of trial {trial.promoted_from}" if trial.promoted_from is not None else ""
        facts.append(("round", f"{number}{whence}"))
    if record.study.plan is None and (earlier := record.replicates.get(trial.number)) is not None:
        facts.append(("replicate", f"network and recipe of trial {earlier}, under another seed"))
    if trial.value is not None:
        facts += list_measures(record, trial)
        if trial.int8_accuracy is not None:
            facts.append(("in int8", f"{format_accuracy(trial.int8_accuracy)} of the same images, in whole numbers"))
    elif not record.study.is_validated:
        facts.append(("validation", "cannot be known: nothing was held out"))
    facts.append(("test", describe_test(record, trial)))
    if trial.seconds is not None:
        facts.append(("training", f"{count_of(trial.epochs, 'epoch')} in {format_duration(trial.seconds)}"))
    if config is not None:
        facts += list_steps(config)
    return facts


def describe_test(record: "StudyRecord", trial: "TrialRecord") -> str:
    """The test accuracy of a trial, and how often the test split was opened to get it."""
    openings = record.test_openings
    if not trial.test_scores:
        if openings == 0:
            return "not known: the test split is closed until the study is finished"
        return f"not known: the test split was opened for {_name_scored(record)} alone"
    score = trial.test_scores[0]
    error = describe_error(score.accuracy, score.images)
    text = f"{format_accuracy(score.accuracy)} of {score.images:,} test images, {error}"
    if openings == 1:
        return f"{text}; the test split was opened once, after selection on validation"
    return f"{text}; the test split was opened {openings} times for this study, for {_name_scored(record)}"


def draw_curve(accuracies: "list[float]") -> str:
    """A curve in one line of bars, from its lowest value to its highest."""
    if not accuracies:
        return ""
    low, high = min(accuracies), max(accuracies)
    span = (high - low) or 1.0
    return "".join(_BARS[round((accuracy - low) / span * (len(_BARS) - 1))] for accuracy in accuracies)


def _name_scored(record: "StudyRecord") -> str:
    return name_trials(sorted(trial.number for trial in record.trials if trial.test_scores))

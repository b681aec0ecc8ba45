"""What a search would do and take, before anything is spent."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.sessions.forecast import expect_epoch_share, forecast_seconds
from hpsearch.sessions.hardware import Hardware, choose_hardware_for
from hpsearch.sessions.preparation import fit, fit_to_size, identify_dataset, measure_plan
from hpsearch.sessions.request import Request
from hpsearch.study.round_plan import START_SECONDS

if TYPE_CHECKING:
    from hpsearch.dataset import DatasetIdentity
    from hpsearch.study.feasibility import FittedSpace
    from hpsearch.study.recipe import Recipe
    from hpsearch.study.search_space import SearchSpace, Value
    from hpsearch.study.spec import StudySpec
    from hpsearch.study.trial_config import TrialConfig

DEPTH = {"fcn": "depth", "cnn": "stages"}
"""What the depth of a family is called."""


@dataclass(frozen=True)
class Example:
    """A network of one depth, as the middle of the space has it."""

    depth: int
    config: "TrialConfig"
    epoch_seconds: float
    """Measured on images of noise."""


@dataclass(frozen=True)
class SearchForecast:
    """What a search would do and take."""

    spec: "StudySpec"
    dataset: "DatasetIdentity"
    hardware: Hardware
    fitted: "FittedSpace"
    examples: tuple[Example, ...]

    @property
    def depth_name(self) -> str:
        """What a depth of this family is called."""
        return DEPTH[self.spec.arch]

    @property
    def portfolio(self) -> list[str]:
        """The shipped configurations that would be the first trials."""
        from hpsearch.study.portfolio import list_fitting_entries
        from hpsearch.tuning.warm_start import count_given

        spec = self.spec
        if not spec.settle_portfolio().portfolio:
            return []
        entries = list_fitting_entries(spec.arch, self.fitted.space, spec.limits.weights_at_most)
        return [entry.name for entry in entries[: count_given(spec)]]

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
        share = expect_epoch_share(self.spec.pruner, self.spec.epochs)
        return START_SECONDS + (self.seconds - START_SECONDS) * share


def forecast_search(request: Request, cache_folder: Path, tell: Callable[[str], None]) -> SearchForecast:
    """Measure an epoch of a network of each depth; nothing is fetched, trained or stored.

    Raises:
        InputError: There is no such device or data set, or nothing fits.
    """
    from hpsearch.training.device import choose_device
    from hpsearch.training.throughput import EpochTimer

    spec = request.spec
    hardware = choose_hardware_for(request)
    dataset = identify_dataset(spec.dataset, cache_folder, tell, preparation=spec.preparation)
    spec = fit_to_size(request, dataset, tell).spec
    fitted = fit(spec, dataset)
    examples = []
    timer = EpochTimer(choose_device(hardware.name))
    for depth in fitted.space.choices(DEPTH[spec.arch]):
        config = _make_example(spec, fitted.space, dataset, depth)
        tell(f"measuring {config.architecture.describe()}")
        seconds = timer.measure(config)
        examples.append(Example(int(depth), config, seconds))
    if spec.has_open_plan:
        plan = measure_plan(replace(request, spec=spec), dataset, fitted, hardware, tell)
        spec = spec.settle_rounds(plan)
    return SearchForecast(spec, dataset, hardware, fitted, tuple(examples))


def _make_example(spec: "StudySpec", space: "SearchSpace", dataset: "DatasetIdentity", depth: "Value") -> "TrialConfig":
    from hpsearch.network.solver import solve
    from hpsearch.study.feasibility import example_shape
    from hpsearch.study.trial_config import TrialConfig

    shape = example_shape(spec.arch, space, {DEPTH[spec.arch]: depth})
    return TrialConfig(
        architecture=solve(shape, spec.limits, dataset.input_shape, dataset.class_count),
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

"""The portfolio's entries are ones that any study of the default space may try, whatever its budget."""

import pytest

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch, CnnArchitecture
from hpsearch.network.solver import MULTIPLE_TOLERANCE, solve
from hpsearch.network.widths import TOLERANCE
from hpsearch.study.default_spaces import default_space
from hpsearch.study.feasibility import fit_space
from hpsearch.study.file import parse_study_spec
from hpsearch.study.parameters import PARAMETER_TYPES, build_recipe, build_shape
from hpsearch.study.portfolio import PORTFOLIO, PortfolioEntry, list_fitting_entries
from hpsearch.study.search_space import Choices, Value
from hpsearch.study.spec import StudySpec

FASHION_MNIST, CLASSES = InputShape(1, 28, 28), 10
ENTRIES = [(arch, entry) for arch, entries in PORTFOLIO.items() for entry in entries]


def complete(arch: Arch, entry: PortfolioEntry) -> dict[str, Value]:
    """With a value for what the entry leaves to the sampler."""
    drawn = {
        name: value.values[0] if isinstance(value, Choices) else value.low
        for name, value in default_space(arch).distributions.items()
    }
    return drawn | dict(entry.parameters)


def test_each_family_has_entries_that_differ_and_three_or_four_for_every_budget() -> None:
    assert set(PORTFOLIO) == set(PARAMETER_TYPES)
    for entries in PORTFOLIO.values():
        for budget in (1_000, 10_000, 30_000, 30_001, 100_000, 10_000_000):
            assert 3 <= sum(entry.is_for(budget) for entry in entries) <= 4
        assert len({entry.name for entry in entries}) == len(entries)
        assert len({frozenset(entry.parameters.items()) for entry in entries}) == len(entries)


@pytest.mark.parametrize(("arch", "entry"), ENTRIES, ids=lambda value: getattr(value, "name", value))
def test_an_entry_lies_in_the_default_space_and_says_all_that_matters_to_it(arch: Arch, entry: PortfolioEntry) -> None:
    budget = entry.largest_budget or max(entry.smallest_budget, 1_000)
    assert list_fitting_entries(arch, default_space(arch), budget).count(entry) == 1
    drawn = complete(arch, entry)
    other = {
        name: value.values[-1] if isinstance(value, Choices) else value.high
        for name, value in default_space(arch).distributions.items()
    } | dict(entry.parameters)
    assert build_shape(arch, drawn) == build_shape(arch, other)
    recipes = [build_recipe(parameters, 5) for parameters in (drawn, other)]
    assert recipes[0].describe() == recipes[1].describe()


@pytest.mark.parametrize("arch", ["fcn", "cnn"])
@pytest.mark.parametrize("budget", [9_000, 10_000, 20_000, 50_000, 100_000, 200_000, 1_000_000])
def test_whatever_the_budget_an_entry_that_fits_fills_it(arch: Arch, budget: int) -> None:
    space = fit_space(arch, default_space(arch), budget, FASHION_MNIST, CLASSES).space
    fitting = list_fitting_entries(arch, space, budget)
    assert len(fitting) >= 3
    for entry in fitting:
        for multiple, unused in ((1, TOLERANCE), (8, MULTIPLE_TOLERANCE)):
            parameters = complete(arch, entry) | {"width_multiple": multiple}
            architecture = solve(build_shape(arch, parameters), budget, FASHION_MNIST, CLASSES)
            assert (1 - unused) * budget <= architecture.count_weights(FASHION_MNIST, CLASSES) <= budget


@pytest.mark.parametrize(
    ("budget", "channels"),
    [
        (10_000, (8, 12, 12, 16)),
        (20_000, (12, 16, 16, 24)),
        (50_000, (12, 24, 24, 44)),
        (100_000, (16, 32, 32, 64)),
        (200_000, (24, 48, 48, 88)),
    ],
)
def test_the_first_cnn_entry_is_the_best_network_of_a_hand_at_every_budget(
    budget: int, channels: tuple[int, ...]
) -> None:
    first = list_fitting_entries("cnn", default_space("cnn"), budget)[0]
    architecture = solve(build_shape("cnn", complete("cnn", first)), budget, FASHION_MNIST, CLASSES)
    assert isinstance(architecture, CnnArchitecture)
    assert tuple(width for stage in architecture.stages for width in stage.channels) == channels
    assert [stage.block for stage in architecture.stages] == ["plain", "residual", "residual"]
    assert [stage.pool_place for stage in architecture.stages] == ["before_norm", "before_norm", "last"]


def test_a_small_budget_begins_with_little_regularization() -> None:
    def smoothing(budget: int) -> list[Value]:
        entries = list_fitting_entries("cnn", default_space("cnn"), budget)
        return [entry.parameters["label_smoothing"] for entry in entries]

    assert smoothing(30_000) == [0.0, 0.0, 0.05, 0.05]
    assert smoothing(30_001) == [0.05] * 4


def test_who_says_nothing_of_the_portfolio_decides_by_the_sampler() -> None:
    def settle(is_warm: bool = False, **fields: object) -> bool | None:
        spec = parse_study_spec({"budget": "100k", "arch": "cnn"} | fields)[1]
        assert spec.portfolio is fields.get("portfolio")
        return spec.settle_portfolio(is_warm=is_warm).portfolio

    assert [settle(sampler=name) for name in ("tpe", "gp", "random", "qmc")] == [True, True, False, False]
    assert settle(is_warm=True) is False
    assert settle(is_warm=True, portfolio=True) is True
    assert settle(portfolio=False) is False
    spec = parse_study_spec({"budget": "100k", "arch": "cnn", "portfolio": True})[1]
    assert spec.settle_portfolio(is_planned=True).portfolio is False


def test_a_grid_has_no_portfolio() -> None:
    space = {name: value.values[0] if isinstance(value, Choices) else value.low for name, value in _fcn_space()}
    given = {"budget": "100k", "arch": "fcn", "sampler": "grid", "space": space}
    assert parse_study_spec(given)[1].settle_portfolio().portfolio is False
    with pytest.raises(InputError, match="sampler grid walks through all its points, so portfolio true is not allowed"):
        parse_study_spec(given | {"portfolio": True})


def _fcn_space() -> list[tuple[str, object]]:
    return list(default_space("fcn").distributions.items())


def test_a_spec_from_before_there_were_portfolios_is_one_without() -> None:
    _name, spec = parse_study_spec({"budget": "100k", "arch": "fcn", "trials": 20, "space": {"lr": 0.01}})
    later = (
        "portfolio",
        "time",
        "round_plan",
        "teacher",
        "ram",
        "flash",
        "macs",
        "target",
        "int8",
        "image_size",
        "grey",
    )
    old = spec.model_dump(mode="json", exclude=set(later))
    assert StudySpec.model_validate({"portfolio": False} | old) == spec.model_copy(update={"portfolio": False})

from typing import Any

import pytest

from hpsearch.dataset import Preparation
from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch
from hpsearch.study.default_spaces import default_space
from hpsearch.study.file import parse_study_spec
from hpsearch.study.length import DEFAULT_EPOCHS, DEFAULT_TRIALS
from hpsearch.study.parameters import count_configurations
from hpsearch.study.search_space import Choices, FloatRange
from hpsearch.study.spec import StudySpec
from hpsearch.study.study_name import check_study_name


def _parse(**fields: Any) -> StudySpec:
    return parse_study_spec({"budget": "100k", "arch": "cnn"} | fields)[1]


def test_a_budget_and_an_arch_are_enough() -> None:
    name, spec = parse_study_spec({"budget": "100k", "arch": "fcn"})
    assert name == "fashion-mnist-fcn-100k"
    assert (spec.budget, spec.arch, spec.sampler) == (100_000, "fcn", "tpe")
    assert (spec.trials, spec.epochs) == (DEFAULT_TRIALS["fcn"], DEFAULT_EPOCHS["fcn"])
    assert spec.space == default_space("fcn")


def test_a_budget_is_taken_as_text_and_as_a_number() -> None:
    assert _parse(budget="0.1m") == _parse(budget=100_000)


def test_named_parameters_change_the_default_space() -> None:
    spec = _parse(space={"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "optimizer": ["adam", "sgd"], "kernel": 4})
    changed = {
        "lr": FloatRange(low=1e-4, high=1e-1, log=True),
        "optimizer": Choices(values=("adam", "sgd")),
        "kernel": Choices(values=(4,)),
    }
    assert spec.space == default_space("cnn").replace(changed)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"budget": -5}, "budget -5 leaves no weights at all: give a whole number"),
        ({"budget": 10**12}, "budget 1000000000000 is over the largest allowed, 100,000,000 weights"),
        ({"budget": 100_000.5}, "budget 100000.5 is not a whole number of weights: give a whole number"),
        ({"budget": float("inf")}, "budget inf is not a whole number of weights"),
        ({"budget": 1e12}, "budget 1000000000000 is over the largest allowed"),
        ({"budget": True}, "budget True is not a whole number of weights"),
        ({"budget": []}, "budget [] is not a whole number of weights"),
        ({"macs": "2.000"}, "macs '2.000' is 2 MACs, if a point is no thousands separator: give multiply-accumulates"),
        ({"arch": []}, "arch [] is not allowed; give fcn or cnn"),
        ({"trials": "5"}, "trials '5' is not allowed; give a whole number from 1 to 1,000,000"),
        ({"trials": 16**6000}, "trials a number of thousands of digits is not allowed; give a whole number"),
        ({"epochs": 5.0}, "epochs 5.0 is not allowed; give a whole number from 1 to 10,000"),
        ({"epochs": True}, "epochs True is not allowed; give a whole number from 1 to 10,000"),
        (
            {"validation_fraction": "0.1"},
            "validation_fraction '0.1' is not allowed; give a number, above 0 and below 1",
        ),
        ({"validation_fraction": 1}, "validation_fraction 1 is not allowed; give a number, above 0 and below 1"),
        ({"dataset": ""}, "dataset '' is not allowed; give text that is not empty"),
        ({"dataset": 5}, "dataset 5 is not allowed; give text"),
        ({"version": 2}, "version 2 is not allowed; give 1"),
        ({"version": True}, "version True is not allowed; give 1"),
        ({"trails": 5}, "unknown key 'trails'; did you mean 'trials'? allowed: name, version, dataset"),
        ({"space": 5}, "space 5 is not allowed; give a table"),
        ({"space": {"lr": []}}, "space.lr: an empty list leaves nothing to choose from; name at least one value"),
        ({"space": {"lr": {"low": 0.2, "high": 0.1}}}, "space.lr: low 0.2 is above high 0.1; swap them"),
        ({"space": {"lr": {"low": "a", "high": 0.1}}}, "space.lr: low: input should be a valid number (given 'a')"),
        ({"space": {"lr": 50}}, "space.lr: 50 is not allowed; give a number, above 0 and at most 10"),
        ({"space": {"depth": 3}}, "space.depth is no parameter; did you mean"),
        ({"space": {"a\nb": 3}}, "space.'a\\nb' is no parameter; "),
        ({"name": 5}, "study name 5 is not text"),
    ],
)
def test_a_wrong_field_is_answered_in_a_line_with_the_value_and_what_to_type(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_study_spec({"budget": "100k", "arch": "cnn"} | fields)
    text = str(caught.value)
    assert text.startswith(message.removesuffix("did you mean"))
    assert "\n" not in text
    assert caught.value.exit_code == 2


def test_a_grid_needs_finitely_many_values_and_not_too_many() -> None:
    with pytest.raises(InputError, match=r"sampler grid needs finitely many values, but these are ranges .*: lr;"):
        _parse(arch="fcn", sampler="grid", space=_fix_all("fcn") | {"lr": {"low": 0.1, "high": 0.2}})
    few = _fix_all("fcn") | {"depth": [1, 2, 3], "batch_size": [64, 128], "momentum": {"low": 0.5, "high": 0.5}}
    assert _parse(arch="fcn", sampler="grid", space=few).sampler == "grid"
    with pytest.raises(InputError, match="sampler grid would have 196608 points, over the 100,000 allowed"):
        _parse(arch="fcn", sampler="grid", space=few | {"batch_size": {"low": 1, "high": 65536}})


def _fix_all(arch: Arch) -> dict[str, Any]:
    """One value for every parameter."""
    distributions = default_space(arch).distributions.items()
    return {name: value.values[0] if isinstance(value, Choices) else value.low for name, value in distributions}


@pytest.mark.parametrize("name", ["a", "fashion-mnist-cnn-100k", "Study_1.2", "a" * 64])
def test_a_name_that_a_file_and_a_url_may_have_is_a_study_name(name: str) -> None:
    assert check_study_name(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "..", "a..b", ".hidden", "-x", "a b", "a\n", "ü", "a" * 65, "a" * 10_000])
def test_any_other_name_is_answered_with_what_is_allowed(name: str) -> None:
    with pytest.raises(
        InputError, match=r"^study name .* is not allowed: use up to 64 letters, digits, dots"
    ) as caught:
        check_study_name(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("mnist", "mnist-cnn-100k"),
        ("/data/my images/", "my-images-cnn-100k"),
        ("cells.npz", "cells-cnn-100k"),
        ("données", "donn-es-cnn-100k"),
        ("/", "data-cnn-100k"),
        ("..", "data-cnn-100k"),
        ("a..b.c", "a-b-cnn-100k"),
        ("x" * 300, "x" * 40 + "-cnn-100k"),
    ],
)
def test_the_default_name_is_always_a_study_name(dataset: str, name: str) -> None:
    assert check_study_name(_parse(dataset=dataset).default_name()) == name


def test_differing_specs_name_just_the_fields_that_differ() -> None:
    mine = _parse(trials=20, space={"lr": {"low": 1e-3, "high": 1e-2}})
    theirs = _parse(trials=30, budget="50k", space={"lr": {"low": 1e-3, "high": 2e-2}})
    assert mine.find_differences(theirs) == {
        "trials": ("20", "30"),
        "budget": ("100k", "50k"),
        "space.lr": ("0.001 ... 0.01", "0.001 ... 0.02"),
    }
    assert mine.find_differences(_parse(trials=20, space={"lr": {"low": 1e-3, "high": 1e-2}})) == {}


def test_a_difference_in_the_last_digit_is_found() -> None:
    mine, theirs = _parse(space={"lr": 0.1234567}), _parse(space={"lr": 0.12345671})
    assert mine.find_differences(theirs) == {"space.lr": ("0.1234567", "0.12345671")}
    low = {"low": 0.1234567, "high": 0.2}, {"low": 0.12345671, "high": 0.2}
    mine, theirs = _parse(space={"lr": low[0]}), _parse(space={"lr": low[1]})
    assert list(mine.find_differences(theirs)) == ["space.lr"]


def test_specs_of_two_families_differ_in_the_parameters_that_one_lacks() -> None:
    differences = _parse(arch="cnn").find_differences(_parse(arch="fcn"))
    assert differences["arch"] == ("cnn", "fcn")
    kernel, depth = default_space("cnn").distributions["kernel"], default_space("fcn").distributions["depth"]
    assert differences["space.kernel"] == (str(kernel), "(none)")
    assert differences["space.depth"] == ("(none)", str(depth))


def test_a_teacher_is_a_study_and_a_setting_and_no_part_of_what_a_study_without_one_is_known_by() -> None:
    alone, taught = _parse(), _parse(teacher="cnn-100k")
    assert alone.find_differences(taught) == {"teacher": ("none", "cnn-100k")}
    assert taught.find_differences(_parse(teacher="cnn-100k")) == {}
    with pytest.raises(InputError, match="study name 'a b' is not allowed"):
        _parse(teacher="a b")
    with pytest.raises(InputError, match="teacher 3 is not allowed; give text that is not empty"):
        _parse(teacher=3)


ONE_DEPTH = {
    "depth": 2,
    "width_ratio_2": 1.0,
    "activation": ["relu", "gelu", "silu"],
    "lr": 0.01,
    "batch_size": 128,
    "weight_decay": 0.0001,
    "label_smoothing": 0.0,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "initialization": "default",
    "augmentation": "none",
}


def test_a_space_knows_how_many_configurations_it_has_and_a_grid_asks_for_no_layer_that_is_never_there() -> None:
    spec = _parse(arch="fcn", sampler="grid", trials=3, space=ONE_DEPTH)
    assert count_configurations("fcn", spec.space) == 3
    two = _parse(arch="fcn", sampler="grid", trials=3, space=ONE_DEPTH | {"depth": [1, 2], "width_ratio_2": [0.5, 1.0]})
    assert count_configurations("fcn", two.space) == 3 + 6
    assert count_configurations("fcn", _parse(arch="fcn").space) is None
    with pytest.raises(InputError, match="ranges of real numbers: width_ratio_3;"):
        _parse(arch="fcn", sampler="grid", trials=3, space=ONE_DEPTH | {"depth": 3})


@pytest.mark.parametrize(
    ("images", "given", "epochs", "fraction"),
    [
        (300, (), 150, 0.2),
        (999, ("validation_fraction",), 150, 0.1),
        (5000, (), 127, 0.1),
        (9999, (), 64, 0.1),
        (10_000, (), 12, 0.1),
        (300, ("epochs", "validation_fraction"), 12, 0.1),
    ],
)
def test_what_nobody_gives_follows_from_the_number_of_images(
    images: int, given: tuple[str, ...], epochs: int, fraction: float
) -> None:
    fitted = _parse(arch="cnn", trials=4).fit_to_size(images, given)
    assert (fitted.epochs, fitted.validation_fraction) == (epochs, fraction)


def test_with_a_time_the_plan_finds_the_epochs_itself() -> None:
    spec = _parse(arch="cnn", time="5m")
    assert spec.fit_to_size(300, ("validation_fraction",)) == spec


def test_grey_goes_with_an_image_size() -> None:
    with pytest.raises(InputError, match="--image-size 64 --grey"):
        _parse(arch="cnn", grey=True)
    assert _parse(arch="cnn", grey=True, image_size=64).preparation == Preparation(size=64, grey=True)


def test_a_budget_may_be_written_as_programs_write_powers_of_ten() -> None:
    assert StudySpec.model_validate({"arch": "fcn", "budget": 1e5}).budget == 100_000

import pytest

from hpsearch.errors import InputError
from hpsearch.study.default_spaces import default_space
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, parse_distribution


@pytest.mark.parametrize(
    ("given", "distribution"),
    [
        ({"low": 1e-4, "high": 1e-1, "log": True}, FloatRange(low=1e-4, high=1e-1, log=True)),
        ({"low": 0, "high": 0.3}, FloatRange(low=0, high=0.3)),
        ({"low": 1, "high": 4}, IntRange(low=1, high=4)),
        (["adam", "sgd"], Choices(values=("adam", "sgd"))),
        (0.9, Choices(values=(0.9,))),
        (True, Choices(values=(True,))),
        ("relu", Choices(values=("relu",))),
        ({"kind": "int", "low": 1, "high": 4}, IntRange(low=1, high=4)),
        ({"kind": "choices", "values": [3, 5]}, Choices(values=(3, 5))),
    ],
)
def test_a_distribution_is_read_as_a_study_file_has_it(given: object, distribution: object) -> None:
    assert parse_distribution(given) == distribution
    assert parse_distribution(distribution) is distribution


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "an empty list leaves nothing to choose from"),
        ({"low": 0.1}, "a range needs both low and high"),
        ({}, "a range needs both low and high"),
        ({"low": 0.2, "high": 0.1}, "low 0.2 is above high 0.1; swap them"),
        ({"low": 0.0, "high": 0.1, "log": True}, "low 0.0 has no logarithm"),
        ({"low": 0, "high": 4, "log": True}, "low 0 has no logarithm"),
        ({"low": 0.1, "high": 0.2, "step": 0.05}, "unknown key 'step' in a range; allowed: low, high, log"),
        ({"low": "0.1", "high": 0.2}, "valid number"),
        ({"low": True, "high": 2.0}, "valid number"),
        ({"low": float("-inf"), "high": 0.2}, "finite number"),
        ({"low": 5, "high": 10**400}, "less than or equal to 9007199254740992"),
        ({"low": 0.1, "high": 0.2, "log": "yes"}, "valid boolean"),
        ([0.1, 0.1], "a choice stands twice"),
        ([1, 1.0], "a choice stands twice"),
        ([[3], 5], r"\[3\] is no choice; a choice is text, a number, true or false"),
        (None, "None is none of a value, a list of values, and a range"),
    ],
)
def test_a_wrong_distribution_is_answered_with_what_is_wrong(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_distribution(given)


def test_true_and_one_are_different_choices() -> None:
    assert len(Choices(values=(True, 1)).values) == 2
    assert True in Choices(values=(True,))
    assert 1 not in Choices(values=(True,))


def test_a_range_is_written_without_loss() -> None:
    assert str(FloatRange(low=1e-5, high=0.12345678, log=True)) == "1e-05 ... 0.12345678 (log)"
    assert str(IntRange(low=1, high=4)) == "1 ... 4"
    assert str(Choices(values=("adam", "sgd"))) == "adam | sgd"


def test_a_changed_space_has_the_same_parameters_in_the_same_order() -> None:
    space = default_space("fcn")
    changed = space.replace({"lr": Choices(values=(0.01,))})
    assert list(changed.distributions) == list(space.distributions)
    assert changed.distributions["lr"] == Choices(values=(0.01,))
    assert space == default_space("fcn")


def test_an_unknown_parameter_is_answered_with_the_nearest_and_all_there_are() -> None:
    with pytest.raises(
        InputError, match=r"space\.optimiser is no parameter; did you mean 'optimizer'\? allowed: depth"
    ):
        default_space("fcn").replace({"optimiser": Choices(values=("adam",))})


def test_the_values_of_a_parameter_are_listed_where_they_are_finitely_many() -> None:
    distributions = {
        "a": Choices(values=("x", "y")),
        "b": IntRange(low=2, high=4),
        "c": FloatRange(low=0.5, high=0.5),
        "d": FloatRange(low=0.0, high=0.5),
    }
    space = SearchSpace(distributions=distributions)
    assert [space.choices(name) for name in "abc"] == [("x", "y"), (2, 3, 4), (0.5,)]
    with pytest.raises(InputError, match=r"space\.d is a range of real numbers; give a list"):
        space.choices("d")


def test_a_space_survives_json() -> None:
    for arch in ("fcn", "cnn"):
        space = default_space(arch)
        assert SearchSpace.model_validate_json(space.model_dump_json()) == space

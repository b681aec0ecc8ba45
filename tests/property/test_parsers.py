from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch
from hpsearch.network.budget import parse_budget
from hpsearch.study.file import parse_study_spec, read_study_file
from hpsearch.study.parameters import PARAMETER_TYPES
from hpsearch.study.search_space import parse_distribution
from hpsearch.study.spec import StudySpec
from hpsearch.study.study_name import check_study_name
from tests.draws import many_examples

# Python refuses to write this number in decimal, so Hypothesis must not see it in a list.
_unwritable = st.just(6_000).map(lambda digits: 16**digits)
_numbers = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 10**400, 2**63, 1e308, -0.0]) | _unwritable
_scalars = st.none() | st.booleans() | _numbers | st.text(max_size=20) | st.dates()
_words = st.sampled_from(["fcn", "cnn", "tpe", "grid", "none", "100k", "low", "adam", "fashion-mnist", "../x", "a\nb"])
_keys = st.sampled_from(["low", "high", "log", "kind", "values", "lr", "depth", "distributions"]) | st.text(max_size=5)
_values = st.recursive(
    _scalars | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=8,
)
_ranges = st.fixed_dictionaries({"low": _values, "high": _values}, optional={"log": _values, "kind": _words})
_distributions = _values | _ranges
_parameters = st.sampled_from(sorted(set(PARAMETER_TYPES["fcn"]) | set(PARAMETER_TYPES["cnn"])))
_spaces = st.dictionaries(_parameters | st.text(max_size=5), _distributions, max_size=3)
_fields = st.sampled_from(sorted(StudySpec.model_fields))
_specs = st.builds(
    lambda base, given, space: base | given | space,
    st.sampled_from([{}, {"budget": "100k", "arch": "cnn"}, {"budget": 10_000, "arch": "fcn"}]),
    st.dictionaries(_fields | st.just("name"), _values, max_size=2),
    st.just({}) | st.fixed_dictionaries({"space": _spaces}),
)


def _assert_one_short_line(message: str) -> None:
    assert message
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 1_500


def _expect_input_error(parse: Callable[[Any], Any], value: Any) -> None:
    try:
        parse(value)
    except InputError as error:
        _assert_one_short_line(str(error))


@many_examples(5)
@given(text=st.text() | st.from_regex(r"\s*[-+]?[0-9_]*\.?[0-9]*(e[0-9]*)?[kKmM]?\s*", fullmatch=True))
def test_any_text_is_a_budget_or_an_input_error(text: str) -> None:
    _expect_input_error(parse_budget, text)


@given(name=st.text())
def test_any_text_is_a_study_name_or_an_input_error(name: str) -> None:
    _expect_input_error(check_study_name, name)


@many_examples(5)
@given(value=_distributions)
def test_any_value_is_a_distribution_or_a_value_error(value: object) -> None:
    with suppress(ValueError):
        parse_distribution(value)


@many_examples(4)
@given(fields=_specs)
def test_any_fields_are_a_spec_or_an_input_error(fields: dict[str, Any]) -> None:
    _expect_input_error(parse_study_spec, fields)


_lines = st.one_of(
    st.builds("{} = {}".format, _fields, st.from_regex(r"\A[ -~]{0,12}\Z")),
    st.builds("{} = {!r}".format, _fields, st.text(max_size=8)),
    st.builds("{} = {}".format, _fields, st.integers()),
    st.sampled_from(
        ["[space]", "[[space]]", "lr = {low = 1e-4, high = 1e-1, log = true}", "lr = [", "# nothing", '"""']
    ),
    st.text(max_size=10),
)


@many_examples(3)
@given(content=st.binary(max_size=40) | st.lists(_lines, max_size=6).map(lambda lines: "\n".join(lines).encode()))
def test_any_file_is_a_study_file_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "study.toml"
    path.write_bytes(content)
    try:
        fields = read_study_file(path)
    except InputError as error:
        _assert_one_short_line(str(error))
    else:
        _expect_input_error(parse_study_spec, fields)


_common: dict[str, st.SearchStrategy[Any]] = {
    "trials": st.integers(1, 1_000_000),
    "epochs": st.integers(1, 10_000),
    "seed": st.integers(0, 2**63 - 1),
    "sampler": st.sampled_from(["tpe", "random", "gp", "qmc"]),
    "pruner": st.sampled_from(["asha", "hyperband", "median", "none"]),
    "dataset": st.text(min_size=1, max_size=30),
    "validation_fraction": st.floats(0, 1, exclude_min=True, exclude_max=True),
}
_valid_spaces = st.fixed_dictionaries(
    {},
    optional={
        "lr": st.floats(1e-300, 10) | st.just({"low": 1e-5, "high": 1.0, "log": True}),
        "optimizer": st.lists(st.sampled_from(["sgd", "adam", "adamw"]), min_size=1, max_size=3, unique=True),
        "dropout": st.lists(st.floats(0, 0.9), min_size=1, max_size=3, unique=True),
        "batch_size": st.integers(1, 65_536) | st.just({"low": 16, "high": 512, "log": True}),
        "batch_norm": st.booleans(),
    },
)
_archs: st.SearchStrategy[Arch] = st.sampled_from(["fcn", "cnn"])
_valid_specs = st.fixed_dictionaries(
    {"arch": _archs, "budget": st.integers(1, 100_000_000)}, optional=_common | {"space": _valid_spaces}
)


@many_examples(2)
@given(fields=_valid_specs)
def test_a_valid_spec_survives_json(fields: dict[str, Any]) -> None:
    name, spec = parse_study_spec(fields)
    again = StudySpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.find_differences(spec) == {}
    assert check_study_name(name) == name


@many_examples(2)
@given(fields=_valid_specs, changes=st.fixed_dictionaries({}, optional=_common))
def test_two_specs_differ_in_just_the_fields_that_were_changed(fields: dict[str, Any], changes: dict[str, Any]) -> None:
    mine = parse_study_spec(fields)[1]
    theirs = parse_study_spec(fields | changes)[1]
    # Who pins one of these leaves the time that is planned by default, and what goes with it.
    implied = {"time", "pruner"} if mine.time != theirs.time else set()
    unsaid = {"trials", "epochs"} if mine.has_open_plan or theirs.has_open_plan else set()
    named = {*changes, *implied} - unsaid
    changed = {name for name in named if getattr(mine, name) != getattr(theirs, name)}
    assert set(mine.find_differences(theirs)) == changed

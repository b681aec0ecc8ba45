"""What is decided before MLflow is asked: whether an address can be one, and what a run lacks."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hpsearch.errors import InputError
from hpsearch.tracking.mlflow_address import TrackerError, parse_mlflow_uri
from hpsearch.tracking.mlflow_update import KnownRun, find_missing, list_parameters
from hpsearch.tracking.tracked_trial import Point, TrackedTrial


def make_curve(*values: float) -> tuple[Point, ...]:
    return tuple(Point(epoch, value, 1_700_000_000.0 + epoch) for epoch, value in enumerate(values, start=1))


def make_trial(**series: tuple[Point, ...]) -> TrackedTrial:
    columns = {"state": "COMPLETE", "lr": 0.25, "batch_norm": True}
    return TrackedTrial(0, "COMPLETE", columns, {"schedule": "cosine"}, series, {}, "", None, None, None)


def make_run(series: dict[str, dict[int, float]], **parameters: str) -> KnownRun:
    return KnownRun("id", parameters, series)


def test_parameters_are_what_was_drawn_and_what_was_fixed_without_the_state_which_changes() -> None:
    assert list_parameters(make_trial()) == {"schedule": "cosine", "lr": "0.25", "batch_norm": "True"}


def test_a_run_lacks_the_epochs_and_parameters_that_it_does_not_have() -> None:
    trial = make_trial(lr=make_curve(0.1, 0.2, 0.3), train_loss=make_curve(1.0))
    missing = find_missing(make_run({"lr": {1: 0.1, 2: 0.2}}, lr="0.25", schedule="cosine"), trial)
    assert missing is not None
    assert missing.parameters == {"batch_norm": "True"}
    assert missing.series == {"lr": make_curve(0.1, 0.2, 0.3)[2:], "train_loss": make_curve(1.0)}


def test_a_whole_run_lacks_nothing_also_where_figures_are_no_numbers() -> None:
    trial = make_trial(train_loss=make_curve(1.0, float("inf"), float("nan")))
    kept = {1: 1.0, 2: 1.7976931348623157e308, 3: float("nan")}
    missing = find_missing(make_run({"train_loss": kept}, **list_parameters(trial)), trial)
    assert missing is not None
    assert (missing.parameters, missing.series) == ({}, {})


@pytest.mark.parametrize(
    ("series", "parameters"),
    [
        ({"train_loss": {1: 1.0, 2: 0.75}}, {}),
        ({"train_loss": {1: float("nan")}}, {}),
        ({"train_loss": {3: 1.0}}, {}),
        ({"test_accuracy": {2: 0.5}}, {}),
        ({}, {"lr": "0.5"}),
        ({}, {"momentum": "0.9"}),
    ],
    ids=["another value", "no number", "an epoch too many", "another figure", "another parameter", "one too many"],
)
def test_a_run_that_says_something_else_cannot_be_completed(series: Any, parameters: dict[str, str]) -> None:
    assert find_missing(make_run(series, **parameters), make_trial(train_loss=make_curve(1.0, 0.5))) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://localhost:5000", "http://localhost:5000"),
        ("https://me:hunter2@host/mlflow/?token=hunter2", "https://me:***@host/mlflow/"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("postgresql://me:hunter2@host/runs?sslmode=require", "postgresql+psycopg://me:***@host/runs"),
    ],
)
def test_an_address_is_shown_without_its_password(text: str, shown: str) -> None:
    address = parse_mlflow_uri(text)
    assert address.shown == shown
    assert "hunter2" not in str(address.explain(ValueError(f"no luck with {address.uri.partition('?')[0]}\nat all")))


def test_a_password_is_hidden_as_it_is_written_and_as_it_is_meant() -> None:
    address = parse_mlflow_uri("http://me:hunter%402@host")
    assert str(address.explain(ValueError("hunter%402 and hunter@2"))) == "MLflow at http://me:***@host: *** and ***"


@pytest.mark.parametrize(
    "text",
    [
        "mlruns",
        "file:///mlruns",
        "mysql://me:hunter2@host/db",
        "http://",
        "http://[::1",
        "http://h:port",
        "databricks",
        "",
        "@",
        "http://h ",
        "sqlite:///",
        "sqlite://file.db",
        "sqlite:///:memory:",
        "postgresql://me:hun@hunter2@host/x",
    ],
)
def test_what_is_no_address_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_mlflow_uri(text)
    assert str(refusal.value).startswith("--mlflow ")
    assert "hunter2" not in str(refusal.value)


def make_file(path: Path, *statements: str) -> str:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return f"sqlite:///{path}"


def test_a_file_that_can_be_made_or_that_is_mlflow_s_will_do(tmp_path: Path) -> None:
    parse_mlflow_uri(f"sqlite:///{tmp_path}/new.db").probe()
    assert not [*tmp_path.iterdir()]
    (tmp_path / "empty.db").touch()
    parse_mlflow_uri(f"sqlite:///{tmp_path}/empty.db").probe()
    uri = make_file(tmp_path / "with # and %.db", "CREATE TABLE experiments (id)", "CREATE TABLE runs (id)")
    parse_mlflow_uri(uri).probe()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds something other than MLflow's runs"):
        parse_mlflow_uri(make_file(tmp_path / "studies.db", "CREATE TABLE studies (id)")).probe()


def test_a_file_that_cannot_be_opened_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough to be taken for one, if one does not look at it")
    with pytest.raises(TrackerError, match="file is not a database"):
        parse_mlflow_uri(f"sqlite:///{tmp_path}/text.db").probe()
    with pytest.raises(TrackerError, match="there is no folder"):
        parse_mlflow_uri(f"sqlite:///{tmp_path}/nowhere/new.db").probe()
    with pytest.raises(TrackerError, match="unable to open"):
        parse_mlflow_uri(f"sqlite:///{tmp_path}").probe()
    assert TrackerError.exit_code == 3

"""`track`: what TensorBoard and MLflow have of a study afterwards, read by their own libraries."""

import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch.storage.database import Database
from hpsearch.study.trial_plan import TrialPlan, plan_replicates
from hpsearch.tracking import mlflow_runs, packages
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.records import StudyRecord, read_study_record, store_test_score
from hpsearch.tuning.study import Study
from tests.cli_runs import CommandRoom, Ended
from tests.scripted import make_study
from tests.tracker_readers import SECONDS, claim, list_event_files, make_point, read_scalars, read_table, train_scripted

MLFLOW = "sqlite:///mlflow.db"
BOTH = ("--tensorboard", "runs", "--mlflow", MLFLOW)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(f"sqlite:///{tmp_path}/hpsearch.db", create=True) as opened:
        yield opened


@pytest.fixture
def room(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return CommandRoom(tmp_path, capsys)


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of MLflow without runs: its tables take seconds to make."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    open_client(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def mlflow(room: CommandRoom, empty_mlflow: Path) -> Any:
    """MLflow's own client on the room's database."""
    shutil.copy(empty_mlflow, room.folder / "mlflow.db")
    return open_client(f"sqlite:///{room.folder}/mlflow.db")


def open_client(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(uri, registry_uri=uri)


def read_record(study: Study) -> StudyRecord:
    return read_study_record(study)


def read_runs(client: Any, name: str = "study") -> dict[str, Any]:
    """The runs of an experiment by their names, each of which is there once."""
    runs = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    assert len({run.info.run_name for run in runs}) == len(runs)
    return {run.info.run_name: run for run in runs}


def read_history(client: Any, run: Any, name: str) -> list[tuple[int, float, int]]:
    """Step, value and milliseconds since 1970 of each point."""
    points = client.get_metric_history(run.info.run_id, name)
    return sorted((point.step, point.value, point.timestamp) for point in points)


def track(room: CommandRoom, *arguments: str) -> Any:
    """Track the study; what was done."""
    ended = room.type("track", "study", *(arguments or BOTH), "--json")
    assert (ended.code, ended.err) == (0, ""), ended
    return json.loads(ended.out)


def list_outcomes(document: Any) -> list[tuple[int, str, str]]:
    return [(trial["number"], trial["tensorboard"], trial["mlflow"]) for trial in document["trials"]]


def assert_refused(ended: Ended, *words: str, code: int = 2) -> None:
    assert (ended.code, ended.out) == (code, ""), ended
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    for word in words:
        assert word in ended.err


def test_every_trial_is_told_of_with_its_parameters_its_size_and_its_end(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    study = make_study(database, trials=5)
    for ending in ("COMPLETE", "PRUNED", "FAIL", "RUNNING"):
        train_scripted(study, ending, epochs=2)
    document = track(room)
    assert list_outcomes(document) == [(number, "added", "added") for number in range(4)]
    runs, table = read_runs(mlflow), read_table(room.folder / "runs" / "study")
    for trial, status in zip(read_record(study).trials, ("FINISHED", "KILLED", "FAILED", "RUNNING"), strict=True):
        run, row = runs[f"trial-{trial.number}"], table[f"trial-{trial.number}"]
        sizes = {"weights": trial.weights, "macs": trial.macs}
        assert row.columns == {"state": trial.state} | sizes | trial.parameters
        assert row.metrics == {"validation_accuracy": pytest.approx(0.51)}
        assert (run.info.run_id, run.info.status) == (document["trials"][trial.number]["mlflow_run_id"], status)
        known = {name: str(value) for name, value in (sizes | trial.parameters).items()}
        assert known.items() <= run.data.params.items()
        tags = {name.removeprefix("hpsearch."): tag for name, tag in run.data.tags.items()}
        assert (tags["study"], tags["trial"], tags["state"]) == ("study", str(trial.number), trial.state)
        assert (tags["network"], tags["weights"], tags["macs"]) == (trial.network, known["weights"], known["macs"])
        assert (tags["dataset_sha256"], tags.get("reason")) == (study.dataset.sha256, trial.reason)
        assert "[recipe]" in tags["mlflow.note.content"]


def test_every_curve_is_told_of_by_epoch_at_the_times_that_were_recorded(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    study = make_study(database)
    for ending in ("COMPLETE", "RUNNING"):
        train_scripted(study, ending)
    track(room)
    runs = read_runs(mlflow)
    for trial in read_record(study).trials:
        run = runs[f"trial-{trial.number}"]
        scalars = read_scalars(room.folder / "runs" / "study" / f"trial-{trial.number}")
        assert trial.started_at is not None
        started = trial.started_at.timestamp()
        assert run.info.start_time == round(1000 * started)
        # While a trial runs nobody knows more of it, nor when its epochs were.
        names = (
            {"train_loss", "validation_loss", "validation_accuracy", "lr"} if trial.curve else {"validation_accuracy"}
        )
        assert scalars.keys() == run.data.metrics.keys() == names
        for name in names:
            found = read_history(mlflow, run, name)
            assert [point[:2] for point in found] == [
                (1 + epoch, getattr(make_point(epoch), name)) for epoch in range(3)
            ]
            moments = [started + (SECONDS * step if trial.curve else 0) for step, _, _ in found]
            assert [milliseconds / 1000 for _, _, milliseconds in found] == pytest.approx(moments, abs=1e-3)
            assert [wall for _, _, wall in scalars[name]] == pytest.approx(moments)
            assert [step for step, _, _ in scalars[name]] == [step for step, _, _ in found]
            assert [value for _, value, _ in scalars[name]] == pytest.approx([value for _, value, _ in found])


def test_the_same_command_again_brings_what_is_new_and_doubles_nothing(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    study = make_study(database, trials=3)
    train_scripted(study, "COMPLETE")
    running = claim(study)
    running.report(make_point(0))
    assert list_outcomes(track(room)) == [(0, "added", "added"), (1, "added", "added")]
    assert list_outcomes(track(room)) == [(0, "unchanged", "unchanged"), (1, "unchanged", "unchanged")]
    first = read_runs(mlflow)
    running.report(make_point(1))
    running.report(make_point(2))
    running.complete(b"weights")
    train_scripted(study, "FAIL", epochs=0)
    assert list_outcomes(track(room)) == [
        (0, "unchanged", "unchanged"),
        (1, "updated", "updated"),
        (2, "added", "added"),
    ]
    runs = read_runs(mlflow)
    assert runs.keys() == {"trial-0", "trial-1", "trial-2"}
    assert runs["trial-1"].info.run_id == first["trial-1"].info.run_id
    assert runs["trial-1"].info.status == "FINISHED"
    assert [point[0] for point in read_history(mlflow, runs["trial-1"], "validation_accuracy")] == [1, 2, 3]
    assert [point[0] for point in read_history(mlflow, runs["trial-1"], "train_loss")] == [1, 2, 3]
    assert len(list_event_files(room.folder / "runs")) == 4
    assert read_table(room.folder / "runs" / "study")["trial-1"].columns["state"] == "COMPLETE"


def test_an_epoch_that_was_trained_again_replaces_the_run_that_has_the_lost_one(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    study = make_study(database)
    lost = claim(study)
    lost.report(make_point(0, slip=0.2))
    track(room)
    old = read_runs(mlflow)["trial-0"]
    lost.begin_anew()
    lost.report(make_point(0))
    assert list_outcomes(track(room)) == [(0, "updated", "updated")]
    new = read_runs(mlflow)["trial-0"]
    assert new.info.run_id != old.info.run_id
    assert [point[1] for point in read_history(mlflow, new, "validation_accuracy")] == [0.5]
    assert [
        value for _, value, _ in read_scalars(room.folder / "runs" / "study" / "trial-0")["validation_accuracy"]
    ] == [0.5]


def test_a_failed_trial_that_is_tried_again_no_longer_says_why_it_failed(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    study = make_study(database)
    train_scripted(study, "FAIL")
    track(room)
    (failed,) = read_runs(mlflow).values()
    assert failed.data.tags["hpsearch.reason"] == "the loss is no longer finite"
    assert room.type("requeue", "study", "--trial", "0").code == 0
    train_scripted(study, "COMPLETE")
    assert list_outcomes(track(room)) == [(0, "updated", "updated")]
    (complete,) = read_runs(mlflow).values()
    assert (complete.info.status, complete.data.tags.get("hpsearch.reason")) == ("FINISHED", None)


def test_a_run_that_was_begun_twice_or_not_finished_is_put_right(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    train_scripted(make_study(database), "COMPLETE")
    track(room)
    (whole,) = read_runs(mlflow).values()
    marks = {name: whole.data.tags[name] for name in ("hpsearch.key", "hpsearch.trial")}
    mlflow.delete_run(whole.info.run_id)
    for _ in range(2):
        mlflow.create_run(whole.info.experiment_id, tags=marks, run_name="trial-0")
    assert list_outcomes(track(room))[0][2] == "updated"
    (healed,) = read_runs(mlflow).values()
    assert (healed.data.metrics, healed.data.params) == (whole.data.metrics, whole.data.params)
    assert healed.data.tags == whole.data.tags


def test_runs_of_others_in_the_experiment_stay_as_they_are(room: CommandRoom, mlflow: Any, database: Database) -> None:
    train_scripted(make_study(database), "COMPLETE")
    theirs = mlflow.create_run(mlflow.create_experiment("study"), run_name="theirs")
    track(room)
    track(room)
    assert read_runs(mlflow).keys() == {"theirs", "trial-0"}
    assert read_runs(mlflow)["theirs"].data.tags == theirs.data.tags


def make_planned_study(database: Database, search: Study, plan: TrialPlan) -> Study:
    spec = search.spec.model_copy(update={"trials": len(plan.trials)})
    return create_or_join_study(database, "study", spec, search.dataset, plan)


def test_where_nothing_is_held_out_the_objective_is_the_training_loss(room: CommandRoom, database: Database) -> None:
    search = make_study(database, "search")
    config = train_scripted(search, "COMPLETE").config
    plan = plan_replicates({"trial 0": config}, 1, trains_on="train+validation")
    trial = claim(make_planned_study(database, search, plan))
    for epoch in range(2):
        trial.report(replace(make_point(epoch), validation_loss=None, validation_accuracy=None))
    assert list_outcomes(track(room, "--tensorboard", "runs")) == [(0, "added", None)]
    trial.complete(b"weights")
    assert list_outcomes(track(room, "--tensorboard", "runs")) == [(0, "updated", None)]
    assert read_scalars(room.folder / "runs" / "study" / "trial-0").keys() == {"train_loss", "lr"}
    (row,) = read_table(room.folder / "runs" / "study").values()
    assert row.metrics == {"train_loss": pytest.approx(1.9)}


def test_planned_trials_have_their_label_and_share_a_row(room: CommandRoom, mlflow: Any, database: Database) -> None:
    search = make_study(database, "search")
    config = train_scripted(search, "COMPLETE").config
    study = make_planned_study(database, search, plan_replicates({"trial 0": config, "trial 1": config}, 2))
    for _ in range(4):
        train_scripted(study, "COMPLETE")
    track(room)
    runs = read_runs(mlflow)
    found = [(runs[f"trial-{number}"].data.tags["hpsearch.label"], number) for number in range(4)]
    assert found == [("trial 0", 0), ("trial 1", 1), ("trial 0", 2), ("trial 1", 3)]
    assert [runs[f"trial-{number}"].data.params["replicate"] for number in range(4)] == ["0", "0", "1", "1"]
    assert runs["trial-0"].data.params["lr"] == str(config.recipe.lr)
    table = read_table(room.folder / "runs" / "study")
    assert {name: row.sessions for name, row in table.items()} == {"trial 0": 2, "trial 1": 2}
    assert table["trial 0"].columns["optimizer"] == config.recipe.optimizer


def test_a_test_score_is_told_where_the_split_was_opened_and_nowhere_else(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    study = make_study(database)
    train_scripted(study, "COMPLETE")
    train_scripted(study, "COMPLETE")
    track(room)
    store_test_score(study, read_record(study).trial(1), accuracy=0.75, loss=0.5, images=20)
    assert [outcome[1:] for outcome in list_outcomes(track(room))] == [("unchanged",) * 2, ("updated",) * 2]
    runs = read_runs(mlflow)
    assert "test_accuracy" not in runs["trial-0"].data.metrics
    assert (runs["trial-1"].data.metrics["test_accuracy"], runs["trial-1"].data.metrics["test_loss"]) == (0.75, 0.5)
    scalars = read_scalars(room.folder / "runs" / "study" / "trial-1")
    assert [point[:2] for point in scalars["test_accuracy"]] == [(3, 0.75)]
    assert read_record(study).test_openings == 1


def test_a_person_reads_what_was_done_and_what_to_type_next(room: CommandRoom, mlflow: Any, database: Database) -> None:
    study = make_study(database)
    train_scripted(study, "COMPLETE")
    claim(study).give_back("stopped")
    ended = room.type("track", "study", *BOTH)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "runs/study: 2 trials (2 added)",
        "  tensorboard --logdir runs/study",
        "experiment study in sqlite:///mlflow.db: 2 trials (2 added)",
        "  mlflow ui --backend-store-uri sqlite:///mlflow.db  (pip install mlflow)",
    ]
    assert read_runs(mlflow)["trial-1"].info.status == "SCHEDULED"


def test_a_study_without_anything_to_show_is_said_so(room: CommandRoom, database: Database) -> None:
    make_study(database)
    ended = room.type("track", "study", *BOTH)
    assert_refused(ended, "no trial with anything to show yet (none yet)", "hpsearch status study", code=1)
    assert not (room.folder / "runs").exists()


@pytest.mark.slow
def test_postgresql_holds_runs_as_well_and_not_beside_studies(
    room: CommandRoom, database: Database, postgres: Any
) -> None:
    train_scripted(make_study(database), "COMPLETE")
    url = postgres.make_database()
    assert list_outcomes(track(room, "--mlflow", url)) == [(0, None, "added")]
    assert list_outcomes(track(room, "--mlflow", url)) == [(0, None, "unchanged")]
    assert (
        read_runs(open_client(url.replace("postgresql", "postgresql+psycopg", 1)))["trial-0"].info.status == "FINISHED"
    )
    with Database.open(studies := postgres.make_database(), create=True):
        assert_refused(room.type("track", "study", "--mlflow", studies), "holds something other than MLflow's runs")


def test_what_cannot_be_taken_is_refused_in_one_line_and_nothing_is_made(room: CommandRoom, database: Database) -> None:
    train_scripted(make_study(database), "COMPLETE")
    (room.folder / "file").write_text("mine")
    files = room.list_files()
    for arguments, words in (
        (("study",), ("--tensorboard FOLDER", "--mlflow URI")),
        (("other", "--tensorboard", "runs"), ("there is no study 'other'", "study")),
        (("study", "--tensorboard", "file"), ("'file' is no folder",)),
        (("study", "--mlflow", MLFLOW, "--tensorboard", "file/below"), ("'file' is no folder",)),
        (("study", "--mlflow", "mlruns"), ("'mlruns' is not allowed", "sqlite:///FILE.db")),
        (("study", "--tensorboard", "runs", "--mlflow", "sqlite:///hpsearch.db"), ("other than MLflow's runs",)),
    ):
        assert_refused(room.type("track", *arguments), *words)
    ended = room.type("track", "study", "--tensorboard", "runs", "--mlflow", "sqlite:///file")
    assert_refused(ended, "MLflow at sqlite:///file: file is not a database", code=3)
    assert room.list_files() == files


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_server_that_does_not_answer_is_told_of_soon_and_without_its_password(
    room: CommandRoom, database: Database, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_scripted(make_study(database), "COMPLETE")
    monkeypatch.setitem(mlflow_runs._SETTINGS, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setitem(mlflow_runs._SETTINGS, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refusing = closed.getsockname()[1]
    for port, reason in ((silent_port, "it took too long"), (refusing, "Connection refused")):
        ended = room.type("track", "study", "--tensorboard", "runs", "--mlflow", f"http://me:hunter2@127.0.0.1:{port}")
        assert_refused(ended, f"MLflow at http://me:***@127.0.0.1:{port} does not answer ({reason})", code=3)
        assert "hunter2" not in ended.err
    assert not (room.folder / "runs").exists()
    ended = room.type("track", "study", "--mlflow", f"postgresql://me:hunter2@127.0.0.1:{refusing}/runs")
    assert_refused(ended, "MLflow at postgresql+psycopg://me:***@127.0.0.1", "refused", code=3)


def test_without_the_libraries_the_command_that_installs_them_is_named(
    room: CommandRoom, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_scripted(make_study(database), "COMPLETE")
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    for flags, name in ((("--tensorboard", "runs"), "tensorboard"), (("--mlflow", MLFLOW), "mlflow")):
        assert_refused(room.type("track", "study", *flags), name, "pip install 'hpsearch[tracking]'")
    assert not (room.folder / "mlflow.db").exists()


def test_an_experiment_that_was_deleted_there_is_not_made_again(
    room: CommandRoom, mlflow: Any, database: Database
) -> None:
    train_scripted(make_study(database), "COMPLETE")
    track(room)
    mlflow.delete_experiment(mlflow.get_experiment_by_name("study").experiment_id)
    assert_refused(room.type("track", "study", "--mlflow", MLFLOW), "was deleted", "mlflow experiments restore")

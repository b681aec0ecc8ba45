"""`list`, `show`, `best` on a study whose trials were scripted."""

import json
import re
from typing import Any

import pytest

from hpsearch.errors import TrainingError
from hpsearch.storage.database import Database
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.records import StudyRecord, read_study_record, store_test_score
from hpsearch.tuning.study import load_study
from tests.cli_runs import CommandRoom
from tests.scripted import curve_point, make_study

TRIALS = 5


def make_finished_study(room: CommandRoom, name: str = "study", **fields: Any) -> None:
    """Five trials: 0, 1, 2 complete, the last of them best; 3 pruned; 4 failed."""
    with Database.open(room.storage, create=True) as database:
        study = make_study(database, name, trials=TRIALS, epochs=2, **fields)
        queue = TrialQueue(study, "worker", "cpu")
        while not isinstance(trial := queue.claim(), NoTrial):
            trial.report(curve_point(0, 0.5))
            if trial.number == 3:
                trial.prune()
            elif trial.number == 4:
                trial.fail(str(TrainingError("diverged at epoch 1")))
            else:
                trial.report(curve_point(1, 0.6 + trial.number / 10))
                trial.complete(b"weights")


def open_test_split(room: CommandRoom, number: int, accuracy: float) -> None:
    with Database.open(room.storage) as database:
        study = load_study(database, "study")
        trial = read_study_record(study).trial(number)
        store_test_score(study, trial, accuracy=accuracy, loss=1.0, images=20)


def read_record(room: CommandRoom) -> StudyRecord:
    with Database.open(room.storage) as database:
        return read_study_record(load_study(database, "study"))


def read_json(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("columns", [80, 120])
def test_a_network_of_many_words_leaves_the_figures_beside_it_whole(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    make_finished_study(room, arch="cnn", budget="20k")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", room.type("show", "study").out).splitlines()
    heading = next(line for line in lines if line.lstrip().startswith("trial "))
    assert heading.split()[:5] == ["trial", "state", "validation", "test", "weights"]
    assert ("MACs" in heading, heading.split()[-1]) == (columns > 80, "network")
    best = read_record(room).trial(2)
    (row,) = (line for line in lines if line.split()[:2] == ["2", "COMPLETE"])
    assert {"COMPLETE", "80.00%", f"{best.weights:,}"} <= set(row.split())
    assert (f"{best.macs:,}" in row) is (columns > 80)
    words = "".join(line[heading.index("network") :] for line in lines[lines.index(row) :])
    assert "".join(words.split()).startswith("".join(str(best.network).split()))
    assert max(map(len, lines)) <= columns


def test_list_has_every_study_with_its_trials_by_state_and_its_best(room: CommandRoom) -> None:
    make_finished_study(room)
    with Database.open(room.storage) as database:
        make_study(database, "another")
    ended = room.type("list", "--json")
    assert (ended.code, ended.err) == (0, "")
    another, study = read_json(ended.out)
    assert (another["study"], another["best_validation_accuracy"], sum(another["counts"].values())) == (
        "another",
        None,
        0,
    )
    assert study["study"] == "study"
    assert study["counts"] == {"COMPLETE": 3, "PRUNED": 1, "FAIL": 1, "RUNNING": 0, "WAITING": 0}
    assert (study["best_validation_accuracy"], study["best_trial"]) == (pytest.approx(0.8), 2)
    table = room.type("list").out
    assert "3 complete, 1 pruned, 1 failed" in table
    assert "80.00%" in table


def test_a_database_without_studies_lists_none(room: CommandRoom) -> None:
    Database.open(room.storage, create=True).close()
    assert read_json(room.type("list", "--json").out) == []
    assert "hpsearch run" in room.type("list").out


def test_show_ranks_the_trials_and_says_why_one_failed(room: CommandRoom) -> None:
    make_finished_study(room)
    ended = room.type("show", "study")
    rows = [line.split()[:2] for line in ended.out.splitlines() if line.strip() and line.split()[0].isdigit()]
    assert rows == [["2", "COMPLETE"], ["1", "COMPLETE"], ["0", "COMPLETE"], ["3", "PRUNED"], ["4", "FAIL"]]
    assert "diverged at epoch 1" in ended.out
    assert "hpsearch show study --trial 2" in ended.out


def test_show_as_json_has_all_that_is_known_of_every_trial(room: CommandRoom) -> None:
    make_finished_study(room)
    document = read_json(room.type("show", "study", "--json").out)
    assert document["counts"]["COMPLETE"] == 3
    assert document["spec"]["budget"] == 2000
    trials = document["trials"]
    assert [trial["number"] for trial in trials] == list(range(TRIALS))
    keys = {
        "number",
        "state",
        "validation_accuracy",
        "weights",
        "epochs",
        "config",
        "attempts",
        "macs",
        "seconds",
        "reason",
    }
    assert all(keys | {"test_accuracy", "curve"} <= trial.keys() for trial in trials)
    assert all(trial["weights"] <= 2000 and trial["config"]["budget"] == 2000 for trial in trials)
    assert (trials[2]["state"], trials[2]["validation_accuracy"], trials[2]["epochs"]) == (
        "COMPLETE",
        pytest.approx(0.8),
        2,
    )
    assert (trials[4]["state"], trials[4]["validation_accuracy"], trials[4]["reason"]) == (
        "FAIL",
        None,
        "diverged at epoch 1",
    )


def test_show_of_one_trial_has_its_network_layer_by_layer_and_its_curve(room: CommandRoom) -> None:
    make_finished_study(room)
    text = room.type("show", "study", "--trial", "2").out
    for expected in ("dense 64 -> ", "output", "total", "COMPLETE, attempt 1", "50.0 80.0", "recipe"):
        assert expected in text
    document = read_json(room.type("show", "study", "--trial", "2", "--json").out)
    assert (document["number"], len(document["curve"])) == (2, 2)


def test_a_trial_that_a_study_does_not_have_is_refused(room: CommandRoom) -> None:
    make_finished_study(room)
    ended = room.type("show", "study", "--trial", "9")
    assert (ended.code, ended.out) == (2, "")
    assert "it has 0 to 4" in ended.err


def test_best_is_selected_on_validation_and_its_test_accuracy_is_null_until_opened(room: CommandRoom) -> None:
    make_finished_study(room)
    document = read_json(room.type("best", "study", "--json").out)
    assert {"number", "weights", "macs", "validation_accuracy", "test_accuracy", "config"} <= document.keys()
    assert (document["number"], document["validation_accuracy"]) == (2, pytest.approx(0.8))
    assert (document["test_accuracy"], document["test_openings"]) == (None, 0)
    assert "the test split is closed" in room.type("best", "study").out
    # A worse trial's good luck on the test split changes nothing.
    open_test_split(room, number=0, accuracy=0.99)
    open_test_split(room, number=2, accuracy=0.75)
    document = read_json(room.type("best", "study", "--json").out)
    assert (document["number"], document["test_accuracy"], document["test_openings"]) == (2, 0.75, 2)
    assert "opened 2 times for this study, for trials 0, 2" in " ".join(room.type("best", "study").out.split())


def test_without_a_complete_trial_there_is_no_best_and_nothing_to_export(room: CommandRoom) -> None:
    with Database.open(room.storage, create=True) as database:
        make_study(database)
    for command in ("best", "export"):
        ended = room.type(command, "study")
        assert (ended.code, ended.out) == (1, "")
        assert "no complete trial yet" in ended.err
        assert ended.err.count("\n") == 1
    assert not (room.folder / "exports").exists()


def test_a_trial_without_weights_is_not_exported(room: CommandRoom) -> None:
    make_finished_study(room)
    ended = room.type("export", "study", "--trial", "4")
    assert ended.code == 2
    assert "only COMPLETE trials" in ended.err


def test_the_environment_names_the_storage_where_no_option_does(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_finished_study(room)
    elsewhere = room.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HPSEARCH_STORAGE", room.storage)
    assert "--storage" not in room.type("show", "study").out
    monkeypatch.delenv("HPSEARCH_STORAGE")
    assert f"--trial 2 --storage {room.storage}" in room.type("show", "study", "--storage", room.storage).out

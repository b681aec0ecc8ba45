"""`finalists --on`, `export --finalist`, and what the other commands say of finalists; workers work in this process."""

import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from hpsearch.export.opened_bundle import open_bundle
from hpsearch.sessions.search import WorkOrder
from hpsearch.storage.database import Database
from hpsearch.training.data import load_search_splits
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.study import load_study
from hpsearch.worker.loop import StopSignal, run_worker
from hpsearch.worker.protocols import WorkerSettings
from tests.cli_runs import CommandRoom, Ended
from tests.trained_study import BUNDLE_FILES, TrainedStudy, train_study

FINALISTS = ("finalists", "study", "--top", "2", "--replicates", "3")
ON_ALL = ("--on", "train+validation")


def work_here(order: WorkOrder, *_others: object) -> None:
    """Do what the workers of this machine would."""
    settings = WorkerSettings(order.storage_url, order.study, "cpu", order.cache_folder, "here")
    run_worker(settings, StopSignal(), lambda _line: None)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    """Three complete trials; no test changes them."""
    return train_study(tmp_path_factory.mktemp("searched"), trials=3, epochs=4)


@pytest.fixture(scope="module")
def trained(searched: TrainedStudy, tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    """The same with both kinds of finalists; no test changes them."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copy(searched.folder / "hpsearch.db", folder / "hpsearch.db")
    with pytest.MonkeyPatch.context() as patch:
        room = enter_room(folder, patch, searched, TrainedStudy(folder).storage_url)
        for on in ((), ON_ALL):
            assert room.type(*FINALISTS, *on).code == 0
    return TrainedStudy(folder)


@pytest.fixture
def room(
    trained: TrainedStudy,
    searched: TrainedStudy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> CommandRoom:
    """A room to look at finalists in."""
    return enter_room(tmp_path, monkeypatch, searched, trained.storage_url, capsys)


@pytest.fixture
def fresh(
    searched: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandRoom:
    """A room of its own, with a search and without finalists."""
    shutil.copy(searched.folder / "hpsearch.db", tmp_path / "hpsearch.db")
    return enter_room(tmp_path, monkeypatch, searched, f"sqlite:///{tmp_path / 'hpsearch.db'}", capsys)


class Typed:
    """Takes the place of `capsys` where nobody looks at what is printed."""

    def readouterr(self) -> tuple[str, str]:
        return "", ""


def enter_room(
    folder: Path, patch: pytest.MonkeyPatch, searched: TrainedStudy, storage_url: str, capsys: Any = None
) -> CommandRoom:
    patch.chdir(folder)
    patch.setenv("HPSEARCH_STORAGE", storage_url)
    patch.setenv("HPSEARCH_CACHE", str(searched.cache_folder))
    patch.setattr("hpsearch.sessions.planned.search", work_here)
    return CommandRoom(folder, capsys or Typed())


def read_json(ended: Ended) -> Any:
    assert ended.code == 0, ended
    return json.loads(ended.out)


def assert_refused(ended: Ended, said: str, code: int = 2) -> None:
    assert (ended.code, ended.out) == (code, ""), ended
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert said in ended.err


def export(room: CommandRoom, *arguments: str) -> Path:
    ended = room.type("export", *arguments, "--format", "safetensors")
    assert ended.code == 0, ended
    (folder,) = (room.folder / "exports").iterdir()
    return folder


def find_validation_accuracies(value: Any) -> Iterator[Any]:
    """Everything in a document that calls itself one."""
    if isinstance(value, dict):
        for name, content in value.items():
            if name in ("validation_accuracy", "validation_loss", "best_validation_accuracy"):
                yield content
            yield from find_validation_accuracies(content)
    elif isinstance(value, list):
        for content in value:
            yield from find_validation_accuracies(content)


def test_finalists_on_all_labelled_images_are_measured_on_the_test_split_alone(room: CommandRoom) -> None:
    document = read_json(room.type(*FINALISTS, *ON_ALL, "--json"))
    assert (document["finalists_study"], document["trains_on"]) == ("study-finalists-all", "train+validation")
    for finalist in document["finalists"]:
        assert (finalist["validation"], finalist["optimism"], finalist["test"]["n"]) == (None, None, 3)
        assert [trial["validation_accuracy"] for trial in finalist["replicates"]] == [None] * 3
    searched = [finalist["search_validation_accuracy"] for finalist in document["finalists"]]
    assert searched == sorted(searched, reverse=True)
    assert document["comparison"]["split"] == "test"
    table = room.type(*FINALISTS, *ON_ALL).out
    assert "no validation accuracy can be known" in table
    assert " points of the test split over 3 seeds (" in table
    assert "nothing may be selected by it" in table
    assert "hpsearch export study-finalists-all --finalist" in table
    # The others stay beside them as they were.
    beside = read_json(room.type(*FINALISTS, "--json"))
    assert (beside["finalists_study"], beside["trains_on"]) == ("study-finalists", "train")
    assert beside["finalists"][0]["validation"]["n"] == 3


def test_no_command_shows_a_training_figure_as_validation(room: CommandRoom) -> None:
    for command in (("show",), ("show", "--trial", "0"), ("best",), ("status",)):
        name, *flags = command
        document = read_json(room.type(name, "study-finalists-all", *flags, "--json"))
        known = [value for value in find_validation_accuracies(document | {"finalist": None}) if value is not None]
        assert known == [], command
    listed = next(each for each in read_json(room.type("list", "--json")) if each["study"] == "study-finalists-all")
    assert (listed["best_trial"], listed["best_validation_accuracy"]) == (None, None)
    assert "cannot be known" in room.type("status", "study-finalists-all").out
    assert "no validation accuracy can be known" in room.type("show", "study-finalists-all").out
    assert "validation  cannot be known" in room.type("best", "study-finalists-all").out
    assert_refused(room.type("export", "study-finalists-all", "--top", "1"), "none of its trials is the best", code=1)
    assert_refused(room.type("finalists", "study-finalists-all"), "give the search itself")


def test_all_labelled_images_are_trained_on_and_no_test_image(room: CommandRoom, searched: TrainedStudy) -> None:
    folder = export(room, "study-finalists-all")
    splits = load_search_splits(str(searched.archive), searched.cache_folder, validation_fraction=None)
    # The network normalizes by what it was trained on.
    mean = load_file(folder / "model.safetensors")["normalization.mean"]
    assert mean.item() == pytest.approx(splits.train.images.numpy().mean(), abs=1e-3)
    held_out = load_search_splits(str(searched.archive), searched.cache_folder).train.images.numpy().mean()
    assert abs(held_out - mean.item()) > 1e-2
    replayed = room.type("replay", "study-finalists-all", "--trial", "0", "--device", "cpu")
    assert replayed.code == 0
    assert "equal to the last bit: the curve and the weights, 4 epochs" in replayed.out


def test_another_on_is_another_study(room: CommandRoom) -> None:
    for on, name, said in (
        (ON_ALL, "study-finalists", "it has train, given train+validation"),
        ((), "study-finalists-all", "it has train+validation, given train"),
    ):
        assert_refused(room.type(*FINALISTS, *on, "--study", name), f"(trains_on: {said}): give the same, or another")
    assert_refused(room.type(*FINALISTS, "--on", "test"), "--on 'test' is not allowed: give train or train+validation")


def test_the_winner_is_exported_by_its_median_replicate_with_the_spread_of_all(
    room: CommandRoom,
) -> None:
    finalists = read_json(room.type(*FINALISTS, "--json"))["finalists"]
    means = [finalist["validation"]["mean"] for finalist in finalists]
    assert means == sorted(means, reverse=True)
    first = finalists[0]
    ranked = sorted(first["replicates"], key=lambda trial: (trial["validation_accuracy"], trial["number"]))
    best = read_json(room.type("best", "study-finalists", "--json"))
    assert best["number"] == ranked[1]["number"]
    folder = export(room, "study-finalists")  # --finalist goes without saying
    assert folder.name == f"study-finalists-trial-{ranked[1]['number']}"
    assert {path.name for path in folder.iterdir()} == BUNDLE_FILES
    manifest = open_bundle(folder).manifest
    finalist = manifest["finalist"]
    assert finalist == best["finalist"]
    assert (manifest["validation_accuracy"], manifest["test_accuracy"]) == (
        ranked[1]["validation_accuracy"],
        ranked[1]["test_accuracy"],
    )
    assert (finalist["validation"], finalist["test"]) == (first["validation"], first["test"])
    assert (finalist["search"], finalist["search_trial"]) == ("study", first["trial"])
    assert finalist["optimism"] == first["optimism"]
    card = (folder / "README.md").read_text()
    assert f"| validation | {100 * ranked[1]['validation_accuracy']:.2f}% | {100 * means[0]:.2f}% ± " in card
    assert f"| test | {100 * ranked[1]['test_accuracy']:.2f}% | {100 * first['test']['mean']:.2f}% ± " in card
    # The same again is no error, nor in other words; a trial by its number says nothing of finalists.
    assert export(room, "study-finalists", "--finalist") == folder
    shutil.rmtree(folder)
    assert "finalist" not in open_bundle(export(room, "study-finalists", "--trial", "0")).manifest


def test_a_finalist_that_trained_on_all_is_a_bundle_as_any_other_without_validation(
    room: CommandRoom,
) -> None:
    folder = export(room, "study-finalists-all", "--finalist")
    manifest = open_bundle(folder).manifest
    assert {path.name for path in folder.iterdir()} == BUNDLE_FILES - {"confusion.png"}
    best = read_json(room.type("best", "study", "--json"))["number"]
    assert (manifest["finalist"]["search_trial"], manifest["finalist"]["replicate"]) == (best, 0)
    assert (manifest["validation_accuracy"], manifest["trains_on"]) == (None, "train+validation")
    assert (manifest["finalist"]["validation"], manifest["finalist"]["test"]["n"]) == (None, 3)
    assert "correct" not in json.dumps(manifest["verified"])
    assert_refused(room.type("evaluate", str(folder), "--split", "validation"), "no validation images are left")
    assert read_json(room.type("evaluate", str(folder), "--json"))["accuracy"] == manifest["test_accuracy"]


@pytest.mark.slow
def test_a_finalist_that_trained_on_all_has_onnx_files_that_give_the_same(room: CommandRoom) -> None:
    assert room.type("export", "study-finalists-all", "--int8").code == 0
    (folder,) = (room.folder / "exports").iterdir()
    manifest = open_bundle(folder).manifest
    assert "int8" not in manifest
    assert manifest["verified"]["model.onnx"]["same_top_1"] == 1.0
    assert set(manifest["verified"]["model-int8.onnx"]) == {"same_top_1"}
    assert read_json(room.type("evaluate", str(folder), "--onnx", "--json"))["accuracy"] == manifest["test_accuracy"]


def test_a_configuration_that_holds_nothing_out_is_trained_so_again(trained: TrainedStudy, fresh: CommandRoom) -> None:
    exported = fresh.type("export", "study-finalists-all", "--format", "safetensors", "--storage", trained.storage_url)
    assert exported.code == 0, exported
    (folder,) = (fresh.folder / "exports").iterdir()
    assert tomllib.loads((folder / "config.toml").read_text())["trains_on"] == "train+validation"
    document = read_json(fresh.type("train", str(folder), "--study", "again", "--json"))
    assert (document["trains_on"], document["validation"], document["test"]["n"]) == ("train+validation", None, 1)
    assert document["test"]["mean"] == open_bundle(folder).manifest["test_accuracy"]
    said = fresh.type("train", str(folder), "--study", "again").out
    assert "validation  cannot be known: trained on train+validation" in said
    assert "hpsearch export again --trial 0" in said
    assert fresh.type("export", "again", "--trial", "0", "--format", "safetensors").code == 0
    assert_refused(fresh.type("export", "again", "--finalist"), "has no finalists: hpsearch export again --trial N")


def test_without_a_winner_export_says_what_to_type(fresh: CommandRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_refused(
        fresh.type("export", "study", "--finalist"), "no finalists yet: hpsearch finalists study trains them"
    )
    assert_refused(fresh.type("export", "nobody", "--finalist"), "there is no study 'nobody'")
    command = ["finalists", "study", "--top", "1", "--replicates", "2", "--epochs", "2", *ON_ALL]
    monkeypatch.setattr("hpsearch.sessions.planned.search", lambda *_: None)
    assert fresh.type(*command).code == 1
    for arguments in (("study", "--finalist"), ("study-finalists-all",)):
        said = "0 of 2 trainings of 'study-finalists-all' are finished, and the winner is known when all are: hpsearch "
        assert_refused(fresh.type("export", *arguments), f"{said}{' '.join(command)} goes on")
    monkeypatch.setattr("hpsearch.sessions.planned.search", work_here)
    assert fresh.type(*command).code == 0
    assert fresh.type("export", "study", "--finalist", "--format", "safetensors").code == 0
    assert fresh.type("delete", "study", "--yes").code == 0
    assert_refused(fresh.type("export", "study-finalists-all"), "'study', whose finalists 'study-finalists-all' trains")


def test_finalists_none_of_which_was_trained_are_not_done(fresh: CommandRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_here(order: WorkOrder, *_others: object) -> None:
        with Database.open(order.storage_url) as database:
            queue = TrialQueue(load_study(database, order.study), "here", "cpu")
            while isinstance(trial := queue.claim(), ClaimedTrial):
                trial.fail("diverged at epoch 1")

    monkeypatch.setattr("hpsearch.sessions.planned.search", fail_here)
    ended = fresh.type("finalists", "study", "--top", "1", "--replicates", "2")
    assert ended.code == 1, ended
    assert "(2 failed)" in ended.out
    assert "diverged at epoch 1" in ended.out
    assert fresh.type("finalists", "study", "--top", "1", "--replicates", "2", "--json").code == 1


@pytest.mark.parametrize("flags", [("--trial", "0"), ("--top", "1")])
def test_finalist_goes_with_no_other_choice(room: CommandRoom, flags: tuple[str, ...]) -> None:
    ended = room.type("export", "study-finalists", "--finalist", *flags)
    assert_refused(ended, f"{flags[0]} and --finalist exclude each other: give one of them")


def test_a_search_with_finalists_of_both_kinds_asks_which(room: CommandRoom) -> None:
    ended = room.type("export", "study", "--finalist")
    assert_refused(
        ended, "in study-finalists, study-finalists-all: say which, hpsearch export study-finalists --finalist"
    )
    assert room.list_files() == []

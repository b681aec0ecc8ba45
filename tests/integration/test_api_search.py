"""Searching from a program: the same trials as by the command line, cells that can be run again, a way to stop."""

import _thread
import asyncio
import shutil
import signal
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hpsearch
from hpsearch.tuning.records import StudyRecord
from tests.cli_runs import CommandRoom, make_room, write_tiny_archive

pytestmark = pytest.mark.usefixtures("forked_workers")

OPTIONS: dict[str, Any] = {"trials": 3, "epochs": 2, "seed": 3, "workers": 1, "device": "cpu", "progress": False}
FLAGS = ("--trials", "3", "--epochs", "2", "--seed", "3", "--workers", "1", "--device", "cpu", "--quiet")


@pytest.fixture
def room(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    write_tiny_archive(tmp_path / "tiny.npz")
    room = make_room(tmp_path, {"HPSEARCH_CACHE": str(tmp_path / "cache"), "HPSEARCH_STORAGE": ""})
    room.capsys = capsys
    return room


def list_figures(record: StudyRecord) -> list[Any]:
    return [
        (
            trial.number,
            trial.state,
            trial.config_json,
            [replace(point, seconds=0.0) for point in trial.curve],
        )
        for trial in record.trials
    ]


def test_the_same_search_by_call_and_by_command_gives_the_same_trials_bit_for_bit(room: CommandRoom) -> None:
    heard: list[int] = []
    study = hpsearch.search(
        "2k", "fcn", "tiny.npz", name="called", callbacks=[lambda _study, trial: heard.append(trial.number)], **OPTIONS
    )
    assert (
        room.type("run", "--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", "--study", "typed", *FLAGS).code
        == 0
    )
    called, typed = room.read("called"), room.read("typed")
    assert list_figures(called) == list_figures(typed)
    assert study.best.test_accuracy == typed.best.test_accuracy  # type: ignore[union-attr]
    assert heard == [0, 1, 2]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study `called`, which a test gets a copy of."""
    from hpsearch.engines import local
    from tests.forked_workers import start_forked

    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HPSEARCH_CACHE", str(folder / "cache"))
        patch.delenv("HPSEARCH_STORAGE", raising=False)
        patch.setattr(local, "start_process", start_forked)
        write_tiny_archive(folder / "tiny.npz")
        hpsearch.search("2k", "fcn", "tiny.npz", name="called", **OPTIONS)
    return folder


@pytest.fixture
def study(room: CommandRoom, kept: Path) -> hpsearch.Study:
    shutil.copy(kept / "hpsearch.db", room.folder)
    return hpsearch.open_study("called")


def test_a_call_again_adds_nothing_here_in_a_thread_and_inside_a_running_loop(
    room: CommandRoom, study: hpsearch.Study
) -> None:
    """And the test split stays closed."""
    before, found = room.read("called"), []

    def search() -> None:
        found.append(hpsearch.search("2k", "fcn", "tiny.npz", name="called", **OPTIONS))

    async def search_inside() -> None:
        search()

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    asyncio.run(search_inside())
    assert found == [study, study]
    assert room.read("called").trials == before.trials
    assert study.test_openings == 1
    assert hpsearch.open_study("called") == study
    assert hpsearch.list_studies() == [study]
    with pytest.raises(hpsearch.InputError, match=r"trials: it has 3, given 4.*another name=NAME"):
        hpsearch.search("2k", "fcn", "tiny.npz", name="called", **OPTIONS | {"trials": 4})


def test_a_study_gives_tables_figures_pages_and_takes_a_trial(study: hpsearch.Study) -> None:
    frame, curves = study.to_frame(), study.curves()
    assert list(frame.index) == [0, 1, 2]
    assert frame.loc[study.best.number, "validation_accuracy"] == study.best.validation_accuracy
    assert frame["params_lr"].notna().all()
    assert len(curves) == 6
    assert set(curves["epoch"]) == {0, 1}
    assert (curves["train_loss"] > 0).all()
    for kind in ("history", "curves", "confusion"):
        assert study.figure(kind).axes  # type: ignore[arg-type]
    with pytest.raises(hpsearch.InputError, match="complete trials that differ"):
        study.figure("importance")
    html = study._repr_html_()
    assert f"The best of 3 trials of called is trial {study.best.number}" in html
    assert "the test split was opened once" in html
    assert "give more epochs, e.g." in html
    assert "give more epochs, e.g." in study.trials[0]._repr_html_()
    assert study.report().name == "called.html"
    with pytest.raises(hpsearch.InputError, match="has all the 3 trials"):
        study.enqueue({"lr": 0.01})
    study.resume(added=1)
    assert study.enqueue({"lr": 0.015}) == 3
    assert study.work(workers=1, device="cpu", progress=False).is_finished
    assert study.trials[3].parameters["lr"] == 0.015


def test_a_trial_gives_its_trained_network_and_can_be_trained_again(study: hpsearch.Study) -> None:
    import torch

    best = study.trials[0]
    network = best.network()
    assert not network.training
    assert sum(weights.numel() for weights in network.parameters()) == best.weights
    with np.load("tiny.npz") as arrays, torch.inference_mode():
        logits = network(torch.from_numpy(arrays["images"][:, np.newaxis]))
        accuracy = float((logits.argmax(1).numpy() == arrays["labels"]).mean())
    assert best.validation_accuracy is not None
    assert accuracy == pytest.approx(best.validation_accuracy, abs=0.2)
    assert best.replay("cpu").is_equal


def test_a_bundle_predicts_and_is_measured(room: CommandRoom, study: hpsearch.Study) -> None:
    (exported,) = study.export(room.folder / "out", format="safetensors")
    bundle = hpsearch.load(exported.path)
    best = study.best
    assert bundle.evaluate().measures.accuracy == pytest.approx(best.validation_accuracy)
    with np.load("tiny.npz") as arrays:
        images, labels = arrays["images"], arrays["labels"]
    said = bundle.predict(images)
    assert said.probabilities.shape == (400, 3)
    assert np.allclose(said.probabilities.sum(1), 1)
    assert [bundle.class_names[label] for label in said.labels] == said.classes
    assert np.array_equal(said.labels, bundle.predict(images / 255).labels)
    assert (said.labels == labels).mean() > 0.4


def test_ctrl_c_gives_the_trials_back_and_the_same_call_goes_on(room: CommandRoom) -> None:
    archive = write_tiny_archive(room.folder / "arrays.npz", count=200)
    with np.load(archive) as arrays:
        given = (arrays["images"], arrays["labels"])
    options = OPTIONS | {"trials": 4, "name": "mine"}
    before = signal.getsignal(signal.SIGINT)

    def press(_study: hpsearch.Study, _trial: hpsearch.Trial) -> None:
        _thread.interrupt_main()

    study = hpsearch.search("2k", "fcn", given, **options | {"trials": 400}, callbacks=[press])
    assert signal.getsignal(signal.SIGINT) is before
    assert not study.is_finished
    assert study.counts["RUNNING"] == 0
    assert 0 < study.counts["COMPLETE"] + study.counts["PRUNED"] < 400
    assert study.test_openings == 0
    done = sum(trial.state in ("COMPLETE", "PRUNED") for trial in study.trials)
    goes_on = hpsearch.search("2k", "fcn", given, **options | {"trials": 400}, callbacks=[press])
    assert sum(trial.state in ("COMPLETE", "PRUNED") for trial in goes_on.trials) > done


PROGRAM = """
import numpy as np
import hpsearch

arrays = np.load("tiny.npz")
images, labels = arrays["images"], arrays["labels"]
study = hpsearch.search("2k", "fcn", (images, labels), trials=1, epochs=1, workers=1)
print(study.to_frame()[["validation_accuracy", "weights"]])
network = study.best.network()
bundle = study.export("exports", format="safetensors")[0]
print(bundle.predict(images[:32]).classes, (bundle.predict(images).labels == labels).mean(), network)
"""


def test_a_strangers_program_works_on_the_first_try(room: CommandRoom) -> None:
    names: dict[str, Any] = {}
    exec(PROGRAM, names)
    assert names["study"].is_finished
    assert room.capsys is not None
    out, err = room.capsys.readouterr()
    assert "validation_accuracy" in out
    assert "trial 0 complete" in err


@pytest.mark.timeout(900)
def test_a_search_that_nobody_waits_for_has_a_process_of_its_own(room: CommandRoom) -> None:
    with np.load("tiny.npz") as arrays:
        images, labels = arrays["images"], arrays["labels"]
    options: dict[str, Any] = {"trials": 1, "epochs": 1, "workers": 1, "device": "cpu", "progress": False}
    study = hpsearch.search("2k", "fcn", (images, labels), name="behind", wait=False, **options)
    assert study.wait(timedelta(minutes=5)).is_finished
    assert study.wait("1s").wait(0).is_finished
    assert study.best.test_accuracy is not None


@pytest.mark.exhaustive
def test_a_strangers_program_passes_a_type_check(room: CommandRoom) -> None:
    from mypy import api

    (room.folder / "program.py").write_text(PROGRAM)
    out, err, code = api.run(["--strict", "--follow-imports=silent", "program.py"])
    assert (code, err) == (0, ""), out

"""Plans, ladders and trainings without a search from a program: what the commands give, and cells that run again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hpsearch
from tests.cli_runs import write_tiny_archive

pytestmark = pytest.mark.usefixtures("forked_workers")

HERE: dict[str, Any] = {"workers": 1, "device": "cpu", "progress": False}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    write_tiny_archive(tmp_path / "tiny.npz")
    return tmp_path


def test_a_plan_says_what_a_search_would_take_and_makes_nothing(folder: Path) -> None:
    threads = torch.get_num_threads()
    plan = hpsearch.plan("2k", "fcn", "tiny.npz", trials=4, epochs=3, workers=2, device="cpu")
    assert torch.get_num_threads() == threads
    assert plan.spec.trials == 4
    assert plan.seconds > 0
    frame = plan.to_frame()
    assert list(frame.index) == [example.depth for example in plan.examples]
    assert (frame["weights"] <= 2_000).all()
    assert (frame["ram_int8_bytes"] > 0).all()
    assert "A search for a fcn of at most 2,000 weights" in str(plan)
    assert "one epoch takes" in plan._repr_html_()
    timed = str(hpsearch.plan("2k", "fcn", "tiny.npz", workers=2, device="cpu"))
    assert 'time="4m" uses all of it' in " ".join(timed.split())
    assert not (folder / "hpsearch.db").exists()
    with pytest.raises(TypeError, match=r"plan\(\) got an unexpected keyword argument 'epoch'"):
        hpsearch.plan("2k", epoch=3)  # type: ignore[call-arg]
    with pytest.raises(hpsearch.InputError, match="epochs 0"):
        hpsearch.plan("2k", "fcn", "tiny.npz", trials=4, epochs=0)


def test_numbers_are_taken_as_numpy_and_pytorch_have_them() -> None:
    space = {"lr": [0.001, 0.01], "depth": [1, 2]}
    own = hpsearch.plan(2000, "fcn", "tiny.npz", trials=4, epochs=3, seed=5, space=space, workers=1, device="cpu")
    others = hpsearch.plan(
        np.int64(2000),  # type: ignore[arg-type]
        np.str_("fcn"),  # type: ignore[arg-type]
        "tiny.npz",
        trials=np.int32(4),
        epochs=torch.tensor(3),
        seed=np.uint8(5),
        space={"lr": np.array([0.001, 0.01]), "depth": list(np.arange(1, 3))},
        workers=np.int64(1),
        device="cpu",
    )
    assert others.spec == own.spec
    with pytest.raises(hpsearch.InputError, match="budget True is not a whole number"):
        hpsearch.plan(np.True_, "fcn", "tiny.npz")  # type: ignore[arg-type]


def test_a_ladder_climbs_in_order_and_again_adds_nothing(folder: Path) -> None:
    heard: list[tuple[str, int]] = []

    def hear(study: hpsearch.Study, trial: hpsearch.Trial) -> None:
        heard.append((study.name, trial.number))

    options = HERE | {"trials": 1, "epochs": 1, "name": "rungs"}
    ladder = hpsearch.ladder(["2k", 1_000], "fcn", "tiny.npz", callbacks=[hear], **options)
    assert [study.name for study in ladder.studies] == ["rungs-1k", "rungs-2k"]
    assert heard == [("rungs-1k", 0), ("rungs-2k", 0)]
    frame = ladder.to_frame()
    assert list(frame["budget"]) == [1_000, 2_000]
    assert frame["weights"].is_monotonic_increasing
    assert frame["is_on_frontier"].any()
    assert "rungs-2k" in ladder._repr_html_()
    again = hpsearch.ladder(["1k", "2k"], "fcn", "tiny.npz", **options)
    assert again.studies == ladder.studies
    assert [study.test_openings for study in again.studies] == [1, 1]
    for wrong, sentence in (
        (["1k", "1k"], "the same twice"),
        ([], "budget is empty"),
        (["1k", "x"], "budget 'x'"),
        (5.5, "budget 5.5 is not allowed"),
        (True, "budget True is not allowed"),
    ):
        with pytest.raises(hpsearch.InputError, match=sentence):
            hpsearch.ladder(wrong, "fcn", "tiny.npz", **options)
    assert len(hpsearch.list_studies()) == 2


def test_the_best_of_a_search_are_trained_again_and_one_configuration_alone(folder: Path) -> None:
    study = hpsearch.search("2k", "fcn", "tiny.npz", trials=2, epochs=1, name="searched", **HERE)
    finalists = study.finalists(top=1, replicates=2, **HERE)
    assert finalists.name == "searched-finalists"
    assert (finalists.is_finished, len(finalists.trials), finalists.test_openings) == (True, 2, 2)
    assert study.finalists(top=1, replicates=2, **HERE) == finalists
    assert hpsearch.open_study("searched-finalists").test_openings == 2
    with pytest.raises(hpsearch.InputError, match="on 'test' is not allowed"):
        study.finalists(on="test", **HERE)  # type: ignore[arg-type]
    with pytest.raises(hpsearch.InputError, match="replicates 0 is not allowed"):
        study.finalists(replicates=0, **HERE)
    heard: list[str] = []
    trained = hpsearch.train(study.best, name="alone", callbacks=[lambda told, _trial: heard.append(told.name)], **HERE)
    assert heard == ["alone"]
    assert trained.best.config == study.best.config
    assert [point.train_loss for point in trained.best.curve] == [point.train_loss for point in study.best.curve]
    (bundle,) = study.export("out", format="safetensors")
    for given in (bundle, bundle.path, str(bundle.path / "config.json"), bundle.config):
        assert hpsearch.train(given, name="alone", **HERE) == trained
    assert trained.test_openings == 1
    with pytest.raises(hpsearch.InputError, match="config is a int"):
        hpsearch.train(3, **HERE)  # type: ignore[arg-type]

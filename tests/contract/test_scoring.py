"""Opening the test split: once for a trial, however many runs end at the same moment."""

import contextlib
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from hpsearch.export import test_score
from hpsearch.export.test_score import score_on_test
from hpsearch.storage.database import Database
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.records import TrialRecord, read_study_record, store_test_score
from hpsearch.tuning.study import Study, load_study
from tests.contract.test_claims import claim, finish
from tests.scripted import make_study


def test_two_runs_that_end_at_once_open_the_test_split_once(storage_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one finds the first one's score, and gives that."""
    opened: list[int] = []
    with Database.open(storage_url, create=True) as database:
        study = make_study(database, trials=1)
        finish(claim(TrialQueue(study, "worker", "cpu")))
    both, inside = threading.Barrier(2, timeout=60), threading.Barrier(2)

    def score(scored: Study, trials: list[TrialRecord], _dataset: str, **_place: object) -> None:
        opened.append(len(trials))
        with contextlib.suppress(threading.BrokenBarrierError):
            inside.wait(timeout=1)  # for the other one, which must not come
        for trial in trials:
            store_test_score(scored, trial, accuracy=0.5, loss=1.0, images=10)

    monkeypatch.setattr(test_score, "_score", score)
    scores: list[SimpleNamespace] = []

    def run() -> None:
        with Database.open(storage_url, check=False) as own:
            mine = load_study(own, "study")
            trials = read_study_record(mine).ranking
            both.wait()  # both have seen that there is no score
            scores.extend(score_on_test(mine, trials, device="cpu", cache_folder=Path()))  # type: ignore[arg-type]

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [1]
    assert [score.accuracy for score in scores] == [0.5, 0.5]
    with Database.open(storage_url, check=False) as database:
        assert read_study_record(load_study(database, "study")).test_openings == 1

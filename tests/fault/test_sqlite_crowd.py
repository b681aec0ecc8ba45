"""Eight workers on one SQLite file, with somebody who reads and somebody who exports: nobody sees a lock."""

import threading
from pathlib import Path

import pytest

from hpsearch.storage.database import Database
from hpsearch.tuning.records import load_trial_weights, read_study_record
from hpsearch.tuning.study import load_study
from tests.fault.studies import make, read
from tests.history import check_history
from tests.worker_processes import run_workers

pytestmark = [pytest.mark.slow, pytest.mark.fault]


def test_eight_workers_a_reader_and_an_export_share_a_file(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    make(storage, trials=24, epochs=3)
    is_over = threading.Event()
    reads = {"records": 0, "weights": 0}
    troubles: list[BaseException] = []

    def keep_reading() -> None:
        try:
            while not is_over.is_set():
                with Database.open(storage) as database:
                    record = read_study_record(load_study(database, "study"))
                    reads["records"] += 1
                    for trial in record.ranking:
                        load_trial_weights(record.study, trial)
                        reads["weights"] += 1
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            troubles.append(error)

    reader = threading.Thread(target=keep_reading)
    reader.start()
    try:
        with run_workers(storage, tmp_path, seconds_per_epoch=0.05) as crew:
            for index in range(8):
                crew.start(f"worker-{index}")
            crew.wait_all()
            said = "".join(worker.said for worker in crew.started)
    finally:
        is_over.set()
        reader.join()
    assert troubles == []
    assert reads["records"] > 0
    assert reads["weights"] > 0
    assert "locked" not in said
    assert "trying again" not in said
    assert check_history(tmp_path, storage, "study", slots=24) == []
    assert read(storage).counts["COMPLETE"] == 24

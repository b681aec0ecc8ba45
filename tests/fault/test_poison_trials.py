"""A trial that kills every worker that takes it."""

import os
import signal
from pathlib import Path

import pytest

from hpsearch.storage.leases import MAXIMUM_DEATHS
from tests.fault.studies import make, read
from tests.history import check_history
from tests.scripted_worker import WorkerScript
from tests.worker_processes import run_workers

pytestmark = [pytest.mark.slow, pytest.mark.fault]


def die_over_trial_0(script: WorkerScript, epoch: int) -> None:
    trial = script.log.read_text().splitlines()[-1]
    if trial.startswith("trial 0") and epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory runs out


def test_a_trial_that_kills_its_workers_is_tried_three_times_and_given_up(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    make(storage, trials=2, epochs=3)
    with run_workers(storage, tmp_path, lease_seconds=0.5, checkpoint_seconds=1000.0) as crew:
        codes: list[int] = []
        while not codes or codes[-1] != 0:
            codes.append(crew.start(f"worker-{len(codes)}", before_epoch=die_over_trial_0).wait())
            assert len(codes) < 6, codes
    assert codes == [-signal.SIGKILL] * MAXIMUM_DEATHS + [0]
    record = read(storage)
    assert (record.trial(0).state, record.trial(0).attempts) == ("FAIL", 3)
    assert record.trial(0).reason == "gave up after 3 workers died"
    assert record.trial(1).state == "COMPLETE"
    assert check_history(tmp_path, storage, "study", slots=2) == []

"""A PostgreSQL server that crashes and comes back under load, and one that does not come back."""

import signal
from pathlib import Path

import pytest

from tests.fault.campaign import run_outages
from tests.fault.studies import make, read
from tests.history import check_history
from tests.postgres import OwnPostgresServer
from tests.scripted_worker import WorkerScript
from tests.worker_processes import run_workers, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault]


def test_workers_train_on_through_a_crash_of_the_server_and_lose_no_report(
    own_postgres: OwnPostgresServer, tmp_path: Path
) -> None:
    script = {"seconds_per_epoch": 0.05, "heartbeat_seconds": 0.5}
    outcome = run_outages(own_postgres, tmp_path, times=1, seconds=1.0, workers=2, **script)
    assert outcome.violations == []
    assert outcome.figures["workers_dead"] == 0
    assert (outcome.lost, outcome.duplicated, outcome.left_running, outcome.orphans) == (0, 0, 0, 0)


def wait_for_the_outage(script: WorkerScript, epoch: int) -> None:
    if epoch == 1:
        script.flag("trains").touch()
        wait_until(script.flag("go-on").exists, "the server is gone")


@pytest.mark.parametrize(("number", "code", "patience"), [(None, 3, 1.0), (signal.SIGTERM, 3, 300.0)])
def test_a_server_that_stays_away_ends_a_worker_with_code_3_and_costs_no_trial(
    own_postgres: OwnPostgresServer, tmp_path: Path, number: signal.Signals | None, code: int, patience: float
) -> None:
    storage = own_postgres.make_database()
    make(storage, trials=1, epochs=3)
    with run_workers(storage, tmp_path, lease_seconds=1.0, outage_seconds=patience) as crew:
        cut_off = crew.start("cut-off", before_epoch=wait_for_the_outage)
        cut_off.wait_for_flag("trains")
        own_postgres.stop_at_once()
        try:
            if number is not None:
                cut_off.send(number)
            cut_off.script.flag("go-on").touch()
            assert cut_off.wait() == code, cut_off.said
        finally:
            own_postgres.start_again()
        assert "Traceback" not in cut_off.said
        assert cut_off.said.splitlines()[-1].startswith("error: storage ")
        assert crew.start("next").wait() == 0
    assert check_history(tmp_path, storage, "study", slots=1) == []
    assert read(storage).counts["COMPLETE"] == 1

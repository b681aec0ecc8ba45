"""A connection to PostgreSQL that is cut before or after a commit, at every write of a trial: nothing is done twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch.worker.loop import StopSignal, run_worker
from hpsearch.worker.protocols import WorkerSettings
from tests.fault.studies import make
from tests.history import find_violations, read_history
from tests.journal import Journal, journal_writes
from tests.postgres import OwnPostgresServer
from tests.scripted import ScriptedTrainer
from tests.tcp_proxy import Side, TcpProxy, run_proxy

pytestmark = [pytest.mark.slow, pytest.mark.fault]

EPOCHS = 2
MOST_COMMITS = 60


@pytest.fixture
def proxy(own_postgres: OwnPostgresServer) -> Iterator[TcpProxy]:
    with run_proxy(own_postgres.socket) as running:
        yield running


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_cut_at_any_commit_of_a_trial_is_made_good(
    own_postgres: OwnPostgresServer, proxy: TcpProxy, tmp_path: Path, side: Side
) -> None:
    url = own_postgres.make_database()
    cut = 0
    for commit in range(1, MOST_COMMITS):
        study = f"cut-{commit}"
        make(url, name=study, trials=1, epochs=EPOCHS)
        folder = tmp_path / study
        folder.mkdir()
        said = work_with_a_cut(proxy, proxy.direct(url), study, folder, commit, side)
        if proxy.cuts == cut:
            break
        cut = proxy.cuts
        history = read_history(folder, url, study, slots=1)
        assert find_violations(history) == [], (commit, said)
        (trial,) = history.trials
        assert (trial.state, trial.attempts) == ("COMPLETE", 1), (commit, said)
        assert [event.kind for event in trial.events] == ["claimed", "complete"]
        assert sorted(trial.steps) == list(range(EPOCHS))
    assert cut >= 2 + EPOCHS  # at the least a claim, a draw or none, the reports, the finish


def work_with_a_cut(proxy: TcpProxy, url: str, study: str, folder: Path, commit: int, side: Side) -> list[str]:
    said: list[str] = []
    restore = journal_writes(Journal(folder / "worker.jsonl", "worker"))

    def open_trainer(*_given: object) -> ScriptedTrainer:
        proxy.cut_commit(commit, side)
        return ScriptedTrainer()

    settings = WorkerSettings(
        url, study, "cpu", Path(), "worker", heartbeat_seconds=1000.0, checkpoint_seconds=0.0, report_seconds=0.0
    )
    try:
        run_worker(settings, StopSignal(), said.append, open_trainer=open_trainer)
    finally:
        restore()
    return said


def test_a_server_that_is_unreachable_for_a_while_costs_nothing_but_time(
    own_postgres: OwnPostgresServer, proxy: TcpProxy, tmp_path: Path
) -> None:
    url = own_postgres.make_database()
    make(url, trials=2, epochs=4)

    def before_epoch(epoch: int) -> None:
        if epoch == 1:
            proxy.close_door()
        if epoch == 3:
            proxy.open_door()

    restore = journal_writes(Journal(tmp_path / "worker.jsonl", "worker"))
    try:
        settings = WorkerSettings(
            proxy.direct(url), "study", "cpu", Path(), "worker", checkpoint_seconds=0.0, report_seconds=0.0
        )
        run_worker(settings, StopSignal(), lambda _: None, open_trainer=lambda *_: ScriptedTrainer(before_epoch))
    finally:
        restore()
    history = read_history(tmp_path, url, "study", slots=2)
    assert find_violations(history) == []
    assert [trial.attempts for trial in history.trials] == [1, 1]

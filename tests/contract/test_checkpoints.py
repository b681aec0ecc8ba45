"""What a trial that changes hands keeps, whatever the database."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hpsearch.storage import tables
from hpsearch.storage.artifacts import Artifact, read_artifact
from hpsearch.storage.blobs import read_blob
from hpsearch.storage.database import Database
from hpsearch.storage.optuna_rows import forget_result
from hpsearch.storage.stored_blobs import CONFUSION
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.records import read_study_record
from tests.hand_clock import HandClock
from tests.scripted import curve_point, make_study


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def queue(database: Database, clock: HandClock) -> TrialQueue:
    return TrialQueue(make_study(database, trials=1), "one", "cpu", clock=clock)


def claim(queue: TrialQueue) -> ClaimedTrial:
    claimed = queue.claim()
    assert isinstance(claimed, ClaimedTrial), claimed
    return claimed


def vanish(database: Database, trial: ClaimedTrial) -> None:
    """What the database sees of a worker that was killed, an hour later."""
    with database.transaction() as connection:
        row = tables.leases.c.trial_id == trial.lease.trial_id
        connection.execute(tables.leases.update().where(row).values(expires_at=sa.text("'2020-01-01 00:00:00+00:00'")))


def test_a_trial_given_back_goes_on_after_its_last_epoch(queue: TrialQueue) -> None:
    first = claim(queue)
    first.report(curve_point(0, 0.1), b"after 0")
    first.report(curve_point(1, 0.2), b"after 1")
    first.give_back("stopped")
    second = claim(queue)
    assert (second.checkpoint, second.curve) == (b"after 1", [curve_point(0, 0.1), curve_point(1, 0.2)])
    assert second.lease.attempt == 2
    second.report(curve_point(2, 0.3), b"after 2")
    second.complete(b"weights")
    stored = read_study_record(queue.study).trial(0)
    assert (stored.epochs, stored.value, stored.seconds) == (3, 0.3, 0.75)
    assert [point.validation_accuracy for point in stored.curve] == [0.1, 0.2, 0.3]


def test_a_checkpoint_is_stored_when_the_last_one_is_old_enough(queue: TrialQueue, clock: HandClock) -> None:
    trial = claim(queue)
    for epoch, seconds in enumerate((4, 4, 4)):
        clock.time += seconds
        trial.report(curve_point(epoch, 0.1 + epoch / 10), f"after {epoch}".encode())
    vanish(queue.study.database, trial)
    assert claim(queue).checkpoint == b"after 2"


def test_a_checkpoint_takes_the_place_of_the_one_before(queue: TrialQueue, clock: HandClock) -> None:
    trial = claim(queue)
    for epoch in range(2):
        clock.time += 11
        trial.report(curve_point(epoch, 0.1), f"after {epoch}".encode())
    vanish(queue.study.database, trial)
    again = claim(queue)
    assert (again.checkpoint, len(again.curve)) == (b"after 1", 2)


def test_epochs_after_the_last_checkpoint_are_forgotten(queue: TrialQueue, clock: HandClock) -> None:
    trial = claim(queue)
    clock.time += 11
    trial.report(curve_point(0, 0.1), b"after 0")
    trial.report(curve_point(1, 0.2), b"after 1")
    assert set(read_study_record(queue.study).trial(0).accuracies) == {0, 1}
    vanish(queue.study.database, trial)
    again = claim(queue)
    assert (again.checkpoint, len(again.curve)) == (b"after 0", 1)
    assert set(read_study_record(queue.study).trial(0).accuracies) == {0}
    lease = read_study_record(queue.study).trial(0).lease
    assert lease is not None
    assert lease.epoch == 0


def test_a_checkpoint_that_cannot_be_used_is_forgotten_with_its_epochs(queue: TrialQueue) -> None:
    first = claim(queue)
    first.report(curve_point(0, 0.1), b"of another version")
    first.give_back("stopped")
    second = claim(queue)
    second.begin_anew()
    assert (second.checkpoint, second.curve) == (None, [])
    assert read_study_record(queue.study).trial(0).accuracies == {}
    second.give_back("stopped")
    assert claim(queue).checkpoint is None


def test_a_damaged_checkpoint_is_as_good_as_none(queue: TrialQueue) -> None:
    database = queue.study.database
    first = claim(queue)
    first.report(curve_point(0, 0.1), b"after 0")
    first.give_back("stopped")
    with database.transaction() as connection:
        connection.execute(tables.blobs.update().where(tables.blobs.c.kind == "checkpoint").values(content=b"cut"))
    second = claim(queue)
    assert (second.checkpoint, second.curve) == (None, [])
    assert read_study_record(queue.study).trial(0).accuracies == {}


@pytest.mark.parametrize("end", ["complete", "prune", "fail"])
def test_a_finished_trial_keeps_no_checkpoint(queue: TrialQueue, end: str) -> None:
    first = claim(queue)
    first.report(curve_point(0, 0.1), b"after 0")
    first.give_back("stopped")
    second = claim(queue)
    {"complete": lambda: second.complete(b"w"), "prune": second.prune, "fail": lambda: second.fail("it did")}[end]()
    with queue.study.database.transaction() as connection:
        kinds = set(connection.execute(sa.select(tables.blobs.c.kind)).scalars())
    assert kinds == ({"weights"} if end == "complete" else set())


def test_a_complete_trial_keeps_its_accuracy_in_int8_until_it_is_run_again(queue: TrialQueue) -> None:
    trial = claim(queue)
    trial.report(curve_point(0, 0.1))
    trial.complete(b"w", int8_accuracy=0.09)
    assert read_study_record(queue.study).trial(0).int8_accuracy == 0.09
    database = queue.study.database
    assert database.optuna_storage.get_trial(trial.lease.trial_id).user_attrs["int8_validation_accuracy"] == 0.09
    with database.transaction() as connection:
        forget_result(connection, trial.lease.trial_id)
    assert "int8_validation_accuracy" not in database.optuna_storage.get_trial(trial.lease.trial_id).user_attrs


def test_a_complete_trial_keeps_its_confusion_matrix_and_its_figures(queue: TrialQueue) -> None:
    trial = claim(queue)
    trial.report(curve_point(0, 0.1))
    trial.complete(b"w", confusion=[[2, 0], [1, 3]], figures=[Artifact("curve.png", b"picture")])
    database = queue.study.database
    (attribute,) = [
        value
        for key, value in database.optuna_storage.get_trial(trial.lease.trial_id).system_attrs.items()
        if key.startswith("artifacts:")
    ]
    assert '"filename": "curve.png", "mimetype": "image/png"' in attribute
    artifact_id = attribute.split('"artifact_id": "')[1].split('"')[0]
    with database.transaction() as connection:
        assert read_artifact(connection, artifact_id) == b"picture"
        assert read_artifact(connection, "0" * 32) is None
        assert read_blob(connection, trial.lease.trial_id, CONFUSION) == b"[[2, 0], [1, 3]]"


def test_only_a_trial_among_the_best_is_drawn(database: Database) -> None:
    queue = TrialQueue(make_study(database, trials=3), "one", "cpu")
    drawn = []
    for accuracy in (0.5, 0.4, 0.6):
        trial = claim(queue)
        trial.report(curve_point(0, accuracy))
        drawn.append(trial.is_among_best(1))
        trial.complete(b"w")
    assert drawn == [True, False, True]

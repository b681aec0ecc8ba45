"""What hpsearch's own tables say of a study: who holds its trials, what was decided, scored and lost."""

from collections.abc import Mapping
from datetime import datetime

from hpsearch.storage.reader import Reader, read_moment
from hpsearch.storage.stored_rows import GAVE_UP, LeaseRecord, StudyCourse, TestScore


def read_now(reader: Reader) -> datetime:
    """The database's own clock, aware and in UTC."""
    now = read_moment(reader.query(f"SELECT {reader.clock}")[0][0])
    assert now is not None
    return now


def read_lease_records(reader: Reader, study_id: int) -> dict[int, LeaseRecord]:
    """Who holds each trial that was ever claimed, by the trial's id."""
    now = read_now(reader)
    rows = reader.query(
        "SELECT trial_id, worker, device, attempts, epoch, validation_accuracy, seen_at, expires_at, deaths "
        "FROM hpsearch_leases WHERE study_id = :study",
        study=study_id,
    )
    found = {}
    for trial_id, worker, device, attempts, epoch, accuracy, seen, expires, deaths in rows:
        ends = read_moment(expires)
        is_live = ends is not None and ends > now
        found[trial_id] = LeaseRecord(
            worker, device, attempts, epoch, accuracy, is_live, read_moment(seen), ends, deaths=deaths
        )
    return found


def read_course(reader: Reader, study_id: int) -> StudyCourse:
    """What was decided about a study; of most, nothing."""
    rows = reader.query(
        "SELECT trials, stopped_at, stop_reason, gives_back, resumed_at FROM hpsearch_studies WHERE study_id = :study",
        study=study_id,
    )
    if not rows:
        return StudyCourse()
    trials, stopped, reason, gives_back, resumed = rows[0]
    return StudyCourse(trials, read_moment(stopped), reason, bool(gives_back), read_moment(resumed))


def read_test_scores(reader: Reader, study_id: int) -> dict[int, tuple[TestScore, ...]]:
    """Every opening of the test split for a study, oldest first, by the trial's id."""
    rows = reader.query(
        "SELECT trial_id, opened_at, accuracy, loss, images FROM hpsearch_test_scores WHERE study_id = :study "
        "ORDER BY id",
        study=study_id,
    )
    found: dict[int, tuple[TestScore, ...]] = {}
    for trial_id, opened, accuracy, loss, images in rows:
        moment = read_moment(opened)
        assert moment is not None
        found[trial_id] = (*found.get(trial_id, ()), TestScore(trial_id, moment, accuracy, loss, images))
    return found


def read_given_up(reader: Reader, study_id: int) -> dict[int, str]:
    """Why trials were failed by whoever reaped them, by trial id."""
    rows = reader.query(
        "SELECT trial_id, detail FROM hpsearch_events WHERE study_id = :study AND kind = :kind",
        study=study_id,
        kind=GAVE_UP,
    )
    return dict(rows)


def count_events(reader: Reader, study_id: int) -> Mapping[str, int]:
    """How often each kind of event came."""
    rows = reader.query(
        "SELECT kind, count(*) FROM hpsearch_events WHERE study_id = :study GROUP BY kind", study=study_id
    )
    return dict(rows)

"""`hpsearch list` says of each study what its record says, whatever the database, and reads one trial for it."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hpsearch.sessions.documents import describe_study
from hpsearch.storage.database import Database
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.operations import resume_study
from hpsearch.tuning.records import StudyRecord, read_study_record, store_test_score
from hpsearch.tuning.study import Study
from hpsearch.tuning.summaries import StudySummary, read_summaries
from tests.contract.test_claims import claim
from tests.contract.test_rounds import finish_with, make_round_study
from tests.scripted import curve_point, finish_trials, make_study


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


def compare(study: Study) -> tuple[StudySummary, StudyRecord]:
    (summary,), _unreadable = read_summaries(study.database)
    record = read_study_record(study)
    assert describe_study(summary) == describe_study(record)
    assert (summary.best and summary.best.test_accuracy) == (record.best and record.best.test_accuracy)
    return summary, record


def test_a_summary_is_what_the_record_comes_to(database: Database) -> None:
    study = make_study(database, trials=9)
    assert compare(study)[0].best is None
    finish_trials(study, 0.5, 0.8, 0.8, 0.7)
    queue = TrialQueue(study, "one", "cpu")
    claim(queue).fail("diverged at epoch 1", "Traceback ...")
    stopped = claim(queue)
    stopped.report(curve_point(0, 0.9))
    stopped.prune()
    claim(queue)
    claim(queue).give_back("told to stop")
    store_test_score(study, read_study_record(study).trial(1), accuracy=0.75, loss=0.5, images=20)
    store_test_score(study, read_study_record(study).trial(3), accuracy=0.65, loss=0.6, images=20)
    resume_study(study, trials=12)
    summary, record = compare(study)
    assert summary.counts == {"COMPLETE": 4, "PRUNED": 1, "FAIL": 1, "RUNNING": 1, "WAITING": 1}
    assert summary.best is not None
    assert (summary.best.number, summary.best.test_accuracy, summary.test_openings) == (1, 0.75, 2)
    assert (summary.trials_wanted, summary.finished_count, summary.is_finished) == (12, 6, False)
    assert summary.best.parameters == record.trial(1).parameters


def test_what_a_later_round_trained_for_longer_comes_before_what_validated_better_in_an_earlier(
    database: Database,
) -> None:
    study = make_round_study(database)
    queue = TrialQueue(study, "one", "cpu")
    for accuracy in (0.8, 0.9, 0.85, 0.7, 0.6, 0.75):
        finish_with(claim(queue), accuracy)
    summary, record = compare(study)
    assert summary.best is not None
    assert summary.best.number == 5
    assert [trial.number for trial in record.ranking] == [5, 4, 1, 2, 0, 3]


def test_of_all_trials_the_best_alone_is_read(database: Database) -> None:
    study = make_study(database)
    make_study(database, "another")
    finish_trials(study, 0.5, 0.8, 0.7)
    attribute = "UPDATE trial_user_attributes SET value_json = 'no JSON' WHERE trial_id IN "
    other = "(SELECT trial_id FROM trials WHERE number <> 1)"
    with database.transaction() as connection:
        connection.execute(sa.text(attribute + other))
    summaries, unreadable = read_summaries(database)
    assert [each.study.name for each in summaries] == ["another", "study"]
    assert (summaries[1].counts["COMPLETE"], unreadable) == (3, [])
    with database.transaction() as connection:
        connection.execute(sa.text(attribute + other.replace("<>", "=")))
    summaries, unreadable = read_summaries(database)
    assert [each.study.name for each in summaries] == ["another"]
    assert "hpsearch delete study removes the study" in unreadable[0].reason

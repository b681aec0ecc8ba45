"""What a study comes to, counted by the database: a list of studies need not read each of a million trials."""

from hpsearch.storage.reader import Reader
from hpsearch.storage.stored_trials import StoredTrial, read_chosen_trials

_COMPLETE_VALUES = (
    "FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id "
    "WHERE t.study_id = :study AND t.state = 'COMPLETE' AND v.value_type = 'FINITE'"
)


def count_states(reader: Reader, study_id: int) -> dict[str, int]:
    """The number of a study's trials in each state that one is in."""
    rows = reader.query("SELECT state, count(*) FROM trials WHERE study_id = :study GROUP BY state", study=study_id)
    return dict(rows)


def list_best_trials(reader: Reader, study_id: int) -> list[tuple[int, int]]:
    """Ids and numbers of the complete trials that have the highest value, by number; none while none is complete."""
    best = f"SELECT max(v.value) {_COMPLETE_VALUES}"
    rows = reader.query(
        f"SELECT t.trial_id, t.number {_COMPLETE_VALUES} AND v.value = ({best}) ORDER BY t.number",
        study=study_id,
    )
    return [(trial_id, number) for trial_id, number in rows]


def read_trial(reader: Reader, study_id: int, trial_id: int) -> StoredTrial:
    """One trial of a study.

    Raises:
        ValueError: What is stored of it is no JSON.
    """
    return read_chosen_trials(reader, study_id, [trial_id])[0]


def count_test_scores(reader: Reader, study_id: int) -> int:
    """How often the test split was opened for a study."""
    rows = reader.query("SELECT count(*) FROM hpsearch_test_scores WHERE study_id = :study", study=study_id)
    count: int = rows[0][0]
    return count

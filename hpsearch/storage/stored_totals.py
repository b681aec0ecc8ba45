"""What every study comes to, counted by the database: a list of studies need not read each of a million trials.

Each but those of one study is one statement for all: a server would read the table of the values through for each anew.
"""

from collections import defaultdict

from hpsearch.storage.reader import Reader
from hpsearch.storage.stored_trials import StoredTrial, read_chosen_trials


def count_states(reader: Reader) -> dict[int, dict[str, int]]:
    """The number of trials in each state that one is in, by the study's id."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for study_id, state, count in reader.query("SELECT study_id, state, count(*) FROM trials GROUP BY study_id, state"):
        found[study_id][state] = count
    return found


def list_best_trials(reader: Reader) -> dict[int, list[tuple[int, int]]]:
    """Ids and numbers, by number, of the complete trials that have their study's highest value, by the study's id."""
    rows = reader.query(
        "WITH complete AS (SELECT t.study_id, t.trial_id, t.number, v.value FROM trials t "
        "JOIN trial_values v ON v.trial_id = t.trial_id WHERE t.state = 'COMPLETE' AND v.value_type = 'FINITE'), "
        "best AS (SELECT study_id, max(value) AS value FROM complete GROUP BY study_id) "
        "SELECT c.study_id, c.trial_id, c.number FROM complete c "
        "JOIN best b ON b.study_id = c.study_id AND b.value = c.value ORDER BY c.number"
    )
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for study_id, trial_id, number in rows:
        found[study_id].append((trial_id, number))
    return found


def list_values(reader: Reader, study_id: int) -> list[tuple[int, int, float]]:
    """Ids, numbers and values of its complete trials: with rounds the highest value is not always the best."""
    return list(
        reader.query(
            "SELECT t.trial_id, t.number, v.value FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id "
            "WHERE t.study_id = :study_id AND t.state = 'COMPLETE' AND v.value_type = 'FINITE'",
            study_id=study_id,
        )
    )


def read_trial(reader: Reader, study_id: int, trial_id: int) -> StoredTrial:
    """One trial of a study.

    Raises:
        ValueError: What is stored of it is no JSON.
    """
    return read_chosen_trials(reader, study_id, [trial_id])[0]


def count_test_scores(reader: Reader) -> dict[int, int]:
    """How often the test split was opened, by the study's id."""
    return dict(reader.query("SELECT study_id, count(*) FROM hpsearch_test_scores GROUP BY study_id"))

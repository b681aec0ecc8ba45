"""Test scores: a row each time that the test split was opened for a trial."""

import sqlalchemy as sa

from hpsearch.storage.engines import read_clock
from hpsearch.storage.tables import test_scores


def write_test_score(
    connection: sa.Connection, study_id: int, trial_id: int, *, accuracy: float, loss: float, images: int
) -> None:
    """Record an opening of the test split."""
    values = {"study_id": study_id, "trial_id": trial_id, "opened_at": read_clock(connection)}
    connection.execute(test_scores.insert().values(**values, accuracy=accuracy, loss=loss, images=images))

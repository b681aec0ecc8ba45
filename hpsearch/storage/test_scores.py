"""Test scores: a row each time that the test split was opened for a trial."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from hpsearch.storage.database import read_clock
from hpsearch.storage.tables import test_scores


@dataclass(frozen=True)
class TestScore:
    """What one opening of the test split gave."""

    __test__ = False  # the name is the field's; pytest is not to collect it

    trial_id: int
    opened_at: datetime
    accuracy: float
    loss: float
    images: int


def write_test_score(
    connection: sa.Connection, study_id: int, trial_id: int, *, accuracy: float, loss: float, images: int
) -> None:
    """Record an opening of the test split."""
    values = {"study_id": study_id, "trial_id": trial_id, "opened_at": read_clock(connection)}
    connection.execute(test_scores.insert().values(**values, accuracy=accuracy, loss=loss, images=images))


def read_test_scores(connection: sa.Connection, study_id: int) -> list[TestScore]:
    """Every opening of the test split for a study, oldest first."""
    columns = (test_scores.c.trial_id, test_scores.c.opened_at, test_scores.c.accuracy, test_scores.c.loss)
    query = sa.select(*columns, test_scores.c.images).where(test_scores.c.study_id == study_id)
    return [TestScore(*row) for row in connection.execute(query.order_by(test_scores.c.id))]

"""hpsearch's own tables, in the same database as Optuna's."""

from datetime import UTC, datetime

import sqlalchemy as sa

from hpsearch.storage.layout import TABLE


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment, always aware and in UTC: timestamptz on PostgreSQL, naive UTC on SQLite, which has no zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Into the database: without its zone on SQLite."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Out of the database: always aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()

layout = sa.Table(TABLE, metadata, sa.Column("version", sa.Integer, primary_key=True))

studies = sa.Table(
    "hpsearch_studies",
    metadata,
    sa.Column("study_id", sa.Integer, primary_key=True, autoincrement=False),
    # How many trials the study asks for by now, where that is no more what its spec says.
    sa.Column("trials", sa.Integer),
    # Set while nobody may claim.
    sa.Column("stopped_at", UtcDateTime),
    sa.Column("stop_reason", sa.Text),
    # Whether those who hold a trial shall give it back instead of finishing it.
    sa.Column("gives_back", sa.Boolean, nullable=False),
    # Failures before this moment are forgiven.
    sa.Column("resumed_at", UtcDateTime),
)
"""A row a study whose course somebody changed: stopped, resumed, extended."""

leases = sa.Table(
    "hpsearch_leases",
    metadata,
    sa.Column("trial_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("study_id", sa.Integer, nullable=False, index=True),
    # Who holds the trial: all null while nobody does.
    sa.Column("token", sa.String(32)),
    sa.Column("worker", sa.String(128)),
    sa.Column("seen_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    # The token under which the trial was finished or given back: who asks again learns that it was done.
    sa.Column("accepted_token", sa.String(32)),
    # How often the trial was claimed, and how often its worker vanished.
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("deaths", sa.Integer, nullable=False),
    # What its worker last said.
    sa.Column("device", sa.String(128)),
    sa.Column("epoch", sa.Integer),
    sa.Column("validation_accuracy", sa.Float),
)
"""A row a trial that was ever claimed. A RUNNING trial without a live lease is stale."""

blobs = sa.Table(
    "hpsearch_blobs",
    metadata,
    sa.Column("trial_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False, index=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Files of a trial: its weights, a checkpoint while it is not finished, figures."""

test_scores = sa.Table(
    "hpsearch_test_scores",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("trial_id", sa.Integer, nullable=False, index=True),
    sa.Column("study_id", sa.Integer, nullable=False, index=True),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("accuracy", sa.Float, nullable=False),
    sa.Column("loss", sa.Float, nullable=False),
    sa.Column("images", sa.Integer, nullable=False),
)
"""A row each time that the test split was opened: the count of rows is how often."""

events = sa.Table(
    "hpsearch_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False, index=True),
    sa.Column("trial_id", sa.Integer, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("worker", sa.String(128)),
    sa.Column("detail", sa.Text),
)
"""What happened to a trial: claimed, returned, reaped, gave-up, finished."""

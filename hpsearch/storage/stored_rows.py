"""What hpsearch's own tables hold of a study and a trial, as values."""

from dataclasses import dataclass
from datetime import datetime

GAVE_UP = "gave-up"
"""The event that says that a trial was given up; its detail is the trial's reason."""


@dataclass(frozen=True)
class StudyCourse:
    """What operators have decided about a study."""

    trials: int | None = None
    """How many trials it asks for; None for as many as its spec says."""
    stopped_at: datetime | None = None
    """Since when nobody may claim a trial; None while everybody may."""
    stop_reason: str | None = None
    gives_back: bool = False
    """Whether those who hold a trial shall give it back instead of finishing it."""
    resumed_at: datetime | None = None
    """Failures before this moment are forgiven."""

    @property
    def is_stopped(self) -> bool:
        """Whether nobody may claim a trial."""
        return self.stopped_at is not None


@dataclass(frozen=True)
class TestScore:
    """What one opening of the test split gave."""

    __test__ = False  # the name is the field's; pytest is not to collect it

    trial_id: int
    opened_at: datetime
    accuracy: float
    loss: float
    images: int


@dataclass(frozen=True)
class LeaseRecord:
    """Who holds a trial, and how far it is."""

    worker: str | None
    device: str | None
    attempts: int
    epoch: int | None
    """The last epoch that was reported, from 0."""
    validation_accuracy: float | None
    is_live: bool
    seen_at: datetime | None = None
    """The last sign of life, by the database's clock."""
    expires_at: datetime | None = None
    deaths: int = 0

"""Where a planned study comes from: the question it asks, the report that asked it first, the figures printed there."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1, max_length=500)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Epoch = Annotated[int, Field(ge=1, le=1_000_000)]
"""Counted from 1."""

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Source(BaseModel):
    """A place in a report."""

    model_config = _FROZEN

    report: Text
    """The report's file name."""
    place: Text | None = None
    """A table, a figure, a section."""


class PrintedFigures(BaseModel):
    """What a report prints of one training, as it prints it: accuracies in percent."""

    model_config = _FROZEN

    validation_percent: Percent | None = None
    """After the last epoch."""
    first_validation_percent: Percent | None = None
    """After the first epoch."""
    highest_validation_percent: Percent | None = None
    """Of whichever epoch had the highest."""
    highest_validation_epoch: Epoch | None = None
    test_percent: Percent | None = None
    test_spread_percent: Percent | None = None
    """What is printed behind ±, over whatever the report has it: ours are over seeds."""
    goal_test_percent: Percent | None = None
    """Not a result: what the report would have liked to exceed."""
    lowest_train_loss: Amount | None = None
    lowest_train_loss_epoch: Epoch | None = None
    weights: Annotated[int, Field(ge=1)] | None = None
    training_seconds: Amount | None = None
    epoch_seconds: Amount | None = None
    confusion: tuple[tuple[Annotated[int, Field(ge=0)], ...], ...] | None = None
    """On the test split: a row a true class, a column a predicted one."""
    note: Text | None = None
    """What a reader has to know to compare."""

    @model_validator(mode="after")
    def _an_epoch_is_of_a_figure(self) -> Self:
        for epoch, figure in (
            ("highest_validation_epoch", "highest_validation_percent"),
            ("lowest_train_loss_epoch", "lowest_train_loss"),
        ):
            if getattr(self, epoch) is not None and getattr(self, figure) is None:
                raise ValueError(f"{epoch} says when, but {figure} is not there to say what")
        return self


class Origin(BaseModel):
    """The question, its source, and the printed figures by label."""

    model_config = _FROZEN

    title: Text | None = None
    source: Source | None = None
    printed: dict[str, PrintedFigures] = {}
    command: str | None = None
    """What gives the same study again, as far as it says nothing of anybody's machine."""

    def without_figures(self) -> "Origin":
        """The same for a study that the printed figures say nothing of."""
        return self.model_copy(update={"printed": {}})

"""What one epoch of training gave: what training yields, a worker reports and a study keeps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochResult:
    """A point of a trial's learning curve."""

    epoch: int
    """From 0."""
    train_loss: float
    """Mean cross-entropy over the epoch's steps, with label smoothing, augmentation and dropout, without penalties;
    with a teacher, mixed with how far its answers are from the network's."""
    validation_loss: float | None
    """Plain cross-entropy on the validation split, of the averaged weights where the recipe averages; None where
    nothing is held out."""
    validation_accuracy: float | None
    """0 to 1; None where nothing is held out."""
    seconds: float
    """Of the epoch, its validation included."""
    lr: float
    """Of the epoch's last step."""

    @property
    def objective(self) -> float:
        """What a study stores as the value: the validation accuracy, or without one the training loss."""
        return self.train_loss if self.validation_accuracy is None else self.validation_accuracy

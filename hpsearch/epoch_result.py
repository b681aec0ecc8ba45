"""What one epoch of training gave: what training yields, a worker reports and a study keeps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochResult:
    """A point of a trial's learning curve."""

    epoch: int
    """From 0."""
    train_loss: float
    """Mean cross-entropy over the epoch's steps, with label smoothing, augmentation and dropout, without penalties."""
    validation_loss: float
    """Plain cross-entropy on the validation split, of the averaged weights where the recipe averages."""
    validation_accuracy: float
    """0 to 1."""
    seconds: float
    """Of the epoch, its validation included."""
    lr: float
    """Of the epoch's last step."""

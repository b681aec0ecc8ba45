"""An epoch in steps: how large a batch is, and how many of them pass over the images."""

import math

SMALL_TRAINING_SPLIT = 10_000
"""Below so many images none is left out of an epoch, and a batch is small enough for some steps."""
LEAST_STEPS = 8
"""Of an epoch over a small training split, as far as batches stay as large as `SMALLEST_BATCH`."""
SMALLEST_BATCH = 32


def divide_epoch(images: int, batch_size: int) -> tuple[int, int]:
    """The images of a batch, and the steps of an epoch.

    Of many images the rest that fills no batch is left out of an epoch; another shuffle brings it. Of few every image
    counts: batches are of equal size, the last one filled up with the first images of the epoch's order, and at least
    eight make an epoch as far as 32 images are in each.

    Args:
        images: Of the training split.
        batch_size: As the recipe has it, the most that a batch is.
    """
    if images >= SMALL_TRAINING_SPLIT:
        return batch_size, max(1, images // batch_size)
    wanted = max(1, min(images, batch_size, max(SMALLEST_BATCH, math.ceil(images / LEAST_STEPS))))
    steps = math.ceil(images / wanted)
    return math.ceil(images / steps), steps

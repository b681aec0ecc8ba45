"""What the pixels of a data set look like, where that is hardly what a person meant."""

import numpy as np

from hpsearch.training.data.byte_arrays import ByteArray

_FEW_LEVELS = 25
"""Of 255: pixels that differ by no more hold next to nothing, though they are of the right type."""


def describe_pixels(images: ByteArray) -> list[str]:
    """A line for each thing that is odd about images (n, c, h, w)."""
    lowest, highest = int(images.min()), int(images.max())
    notes = []
    if lowest == highest:
        notes.append(f"every pixel has the same value, {lowest} of 255: there is nothing to tell the classes by")
    elif highest - lowest <= _FEW_LEVELS:
        notes.append(
            f"all pixels lie in {lowest}..{highest} of the 255 grey levels: were they divided by 255 twice, or are "
            "they masks of 0 and 1? Bring them to 0..255"
        )
    flat = images.reshape(len(images), -1)
    constant = int((flat == flat[:, :1]).all(1).sum())
    if constant and lowest != highest:
        are = "image is" if constant == 1 else "images are"
        notes.append(f"{constant:,} {are} of one single value each, black or blank")
    return notes


def measure_brightness(images: ByteArray) -> dict[str, float]:
    """Of images (n, c, h, w): their mean brightness, and the range that 98 of 100 images' means lie in; 0 to 255."""
    means = images.reshape(len(images), -1).mean(1)
    low, high = np.quantile(means, [0.01, 0.99])
    return {"mean": round(float(means.mean()), 2), "low": round(float(low), 2), "high": round(float(high), 2)}

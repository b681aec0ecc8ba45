"""Which training images give the ranges of whole numbers."""

import numpy as np

from hpsearch.study.trial_config import TrialConfig, derive_seed
from hpsearch.training.data.byte_arrays import ByteArray

DEVICE_CALIBRATION_IMAGES = 1000
"""For a network on a small device; fewer where there are fewer."""


def choose_calibration_images(images: ByteArray, seed: int, count: int) -> ByteArray:
    """Some of the training images (n, channels, height, width), the same ones for the same seed on every machine."""
    order = np.argsort(np.random.PCG64(seed).random_raw(len(images)), kind="stable")
    return images[np.sort(order[:count])]


def choose_device_images(config: TrialConfig, images: ByteArray) -> ByteArray:
    """Those of a trial's training images whose values give the ranges on a small device."""
    return choose_calibration_images(images, derive_seed(config.seed, 0, "calibration"), DEVICE_CALIBRATION_IMAGES)

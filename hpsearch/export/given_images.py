"""Images that somebody has in memory, as a network takes them."""

from typing import Any

import numpy as np

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.training.data.byte_arrays import ByteArray

_HAIR = 1e-6


def bring_images(given: Any, shape: InputShape) -> ByteArray:
    """Images as bytes (n, channels, height, width); floats in [0, 1] are brought to 0..255.

    Args:
        given: An array or tensor: (n, height, width), (n, height, width, channels), (n, channels, height, width), or
            one image without its n.
        shape: Of the images that the network takes.

    Raises:
        InputError: They have another shape, or other values.
    """
    detach = getattr(given, "detach", None)
    try:
        array = np.asarray(given if detach is None else detach().cpu().numpy())
    except (TypeError, ValueError) as error:
        raise InputError(f"these images are no array: {error}") from error
    images = _bring_to_shape(array, shape)
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype.kind not in "f":
        raise InputError(f"these images are {images.dtype}: give bytes (uint8), or floats from 0 to 1")
    if len(images) and not (images.min() >= -_HAIR and images.max() <= 1 + _HAIR):
        raise InputError(
            f"these images hold floats from {images.min():g} to {images.max():g}: give floats from 0 to 1, or bytes "
            "(uint8)"
        )
    return np.ascontiguousarray(np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8))


def _bring_to_shape(array: "np.ndarray[Any, np.dtype[Any]]", shape: InputShape) -> "np.ndarray[Any, np.dtype[Any]]":
    channels, height, width = shape
    plain, last = (height, width), (height, width, channels)
    for form in (tuple(shape), last, *([plain] if channels == 1 else [])):
        if array.shape == form:
            array = array[np.newaxis]
    if array.shape[1:] == tuple(shape):
        return array
    if array.shape[1:] == last:
        return array.transpose(0, 3, 1, 2)
    if channels == 1 and array.shape[1:] == plain:
        return array[:, np.newaxis]
    raise InputError(
        f"these images have the shape {tuple(array.shape)}; the network takes (n, {channels}, {height}, {width}) or "
        f"(n, {height}, {width}, {channels})" + (f" or (n, {height}, {width})" if channels == 1 else "")
    )

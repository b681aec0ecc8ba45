"""Which images a network was trained on: the head of each one's hash, kept in its bundle."""

from collections.abc import Sequence

import numpy as np

from hpsearch.export.bundle_files import SEEN
from hpsearch.export.opened_bundle import Bundle
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.content_hashes import hash_images

_HEAD_BYTES = 8
"""Of 60,000 known and 10,000 asked for, two that differ have the same 8 bytes once in 30 billion bundles."""


def pack_seen(images: ByteArray) -> bytes:
    """The file of a bundle about its training images (n, c, h, w): 8 bytes each, sorted, each once."""
    return b"".join(sorted({digest[:_HEAD_BYTES] for digest in hash_images(images)}))


def find_seen(bundle: Bundle, images: ByteArray) -> "np.typing.NDArray[np.bool_] | None":
    """Whether the bundle's network was trained on each of the images (n,); None where the bundle does not tell."""
    content = bundle.files.get(SEEN)
    if content is None:
        return None
    known = frozenset(_divide(content))
    return np.array([digest[:_HEAD_BYTES] in known for digest in hash_images(images)], dtype=np.bool_)


def _divide(content: bytes) -> Sequence[bytes]:
    return [content[start : start + _HEAD_BYTES] for start in range(0, len(content), _HEAD_BYTES)]

"""Who an image is: the hash of its pixels, whatever file they came from."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpsearch.training.data.byte_arrays import ByteArray, IntegerArray


def hash_images(images: ByteArray) -> list[bytes]:
    """The SHA-256 of each of the images (n, c, h, w), over its shape and its pixels."""
    head = hashlib.sha256("x".join(str(length) for length in images.shape[1:]).encode() + b" ")
    digests = []
    for image in np.ascontiguousarray(images):
        digest = head.copy()
        digest.update(image)
        digests.append(digest.digest())
    return digests


@dataclass(frozen=True)
class Repetitions:
    """Images that are there more than once."""

    repeated: int
    """Distinct images of which there is more than one copy."""
    copies: int
    """How many images these are, all copies counted."""
    contradicted: int
    """Distinct images that stand under more than one label."""


def count_repetitions(digests: Sequence[bytes], labels: IntegerArray) -> Repetitions:
    """Count copies among images of these hashes (n,) and labels (n,)."""
    counts = Counter(digests)
    labels_of: dict[bytes, set[int]] = defaultdict(set)
    for digest, label in zip(digests, labels.tolist(), strict=True):
        labels_of[digest].add(label)
    repeated = [count for count in counts.values() if count > 1]
    contradicted = sum(len(known) > 1 for known in labels_of.values())
    return Repetitions(len(repeated), sum(repeated), contradicted)

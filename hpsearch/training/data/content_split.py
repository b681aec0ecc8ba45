"""Which images are held out, by what they are: an image stays on its side whatever is added beside it."""

import hashlib
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hpsearch.errors import InputError
from hpsearch.training.data.byte_arrays import IntegerArray
from hpsearch.training.data.stratification import StratifiedIndices

_SIZE = 2**64
_SMALLEST_DIVIDED_CLASS = 4
"""Distinct images that a class needs before one of them is held out in any case."""


def hold_out_by_content(
    digests: Sequence[bytes], labels: IntegerArray, fraction: Fraction, purpose: str
) -> StratifiedIndices:
    """Hold out the images whose hash, drawn for one purpose, falls into the lowest `fraction`.

    Copies of an image are one image, under whatever labels. A class of four distinct images or more has at least one
    held out, the lowest, and every class keeps at least one. As long as no class is that small, images that are added
    change nothing for those that were there; where one is, an image may come back from those held out.

    Args:
        digests: The images' hashes (n,).
        labels: Their labels (n,).
        fraction: The share that is held out, on average.
        purpose: Whatever the draw shall depend on besides.

    Raises:
        InputError: The fraction is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise InputError(f"a share of {float(fraction):g} cannot be held out: it must lie between 0 and 1, e.g. 0.1")
    draws = {digest: _draw(digest, purpose) for digest in set(digests)}
    limit = int(fraction * _SIZE)
    chosen = {digest for digest, drawn in draws.items() if drawn < limit}
    classes: dict[int, set[bytes]] = {}
    for digest, label in zip(digests, labels.tolist(), strict=True):
        classes.setdefault(label, set()).add(digest)
    by_draw = draws.__getitem__
    for members in classes.values():
        if len(members) >= _SMALLEST_DIVIDED_CLASS and chosen.isdisjoint(members):
            chosen.add(min(members, key=by_draw))
    for members in classes.values():
        if members <= chosen:
            chosen.remove(max(members, key=by_draw))
    is_held_out = np.array([digest in chosen for digest in digests], dtype=np.bool_)
    positions = np.arange(len(digests), dtype=np.int64)
    return StratifiedIndices(kept=positions[~is_held_out], held_out=positions[is_held_out])


def _draw(digest: bytes, purpose: str) -> int:
    """A whole number below 2^64, as if at random, the same on every machine."""
    return int.from_bytes(hashlib.sha256(purpose.encode() + b"/" + digest).digest()[:8])

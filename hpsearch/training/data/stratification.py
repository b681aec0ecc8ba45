"""Which images are held out of a split: the same share of every class, the same choice on every machine."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hpsearch.errors import InputError
from hpsearch.training.data.byte_arrays import IntegerArray


@dataclass(frozen=True, eq=False)
class StratifiedIndices:
    """Two ascending, disjoint lists of positions that together are all of them; int64 (kept,) and (held_out,)."""

    kept: IntegerArray
    held_out: IntegerArray


def count_held_out(class_counts: IntegerArray, fraction: Fraction) -> IntegerArray:
    """How many images of each class are held out, by the largest remainder.

    `class_counts` is (classes,), as is the result. Each number is within one of its exact share, and no class is
    held out whole: the last image of a class stays. The total is `fraction` of all images to the nearest whole
    (a half goes up), less what the rule of the last image forbids.
    """
    # Fractions, not floats: 0.29 * 100 is 28.999999999999996, and the choice must be the same everywhere.
    counts = [int(count) for count in class_counts]
    shares = [count * fraction for count in counts]
    held_out = [int(share) for share in shares]
    left_over = int(sum(counts) * fraction + Fraction(1, 2)) - sum(held_out)
    by_remainder = sorted(range(len(counts)), key=lambda label: (held_out[label] - shares[label], label))
    for label in by_remainder:
        if left_over <= 0:
            break
        if held_out[label] < shares[label] and held_out[label] < counts[label] - 1:
            held_out[label] += 1
            left_over -= 1
    return np.array(held_out, dtype=np.int64)


def split_indices(labels: IntegerArray, fraction: Fraction, seed: int) -> StratifiedIndices:
    """Divide the positions of `labels` (n,) so that `fraction` of every class is held out.

    Raises InputError unless 0 < fraction < 1 and seed >= 0.
    """
    if not 0 < fraction < 1:
        raise InputError(f"a share of {float(fraction):g} cannot be held out: it must lie between 0 and 1, e.g. 0.1")
    if seed < 0:
        raise InputError(f"{seed} cannot seed a split: a seed is a whole number from 0 up")
    # The raw stream of a bit generator is the part of numpy's randomness that is promised never to change;
    # Generator.permutation is not.
    keys = np.random.PCG64(seed).random_raw(len(labels))
    shuffled = np.argsort(keys, kind="stable")
    class_counts = np.bincount(labels).astype(np.int64)
    chosen = np.zeros(len(labels), dtype=np.bool_)
    for label, count in enumerate(count_held_out(class_counts, fraction)):
        chosen[shuffled[labels[shuffled] == label][:count]] = True
    positions = np.arange(len(labels), dtype=np.int64)
    return StratifiedIndices(kept=positions[~chosen], held_out=positions[chosen])


HELD_OUT_TEST_FRACTION = Fraction(1, 6)
"""Of data that bring no test split of their own: a sixth, as in MNIST."""

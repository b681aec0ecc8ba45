"""Of few images none is left out of an epoch, and their number decides how large a batch is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.study.recipe import LEAST_STEPS, SMALL_TRAINING_SPLIT, SMALLEST_BATCH, divide_epoch


@pytest.mark.parametrize(
    ("images", "batch_size", "expected"),
    [
        (54_000, 128, (128, 421)),
        (10_000, 256, (256, 39)),
        (9_999, 128, (127, 79)),
        (324, 128, (41, 8)),
        (324, 32, (30, 11)),
        (100, 128, (25, 4)),
        (5, 128, (5, 1)),
        (1, 64, (1, 1)),
    ],
)
def test_an_epoch_is_divided_by_how_many_images_there_are(
    images: int, batch_size: int, expected: tuple[int, int]
) -> None:
    assert divide_epoch(images, batch_size) == expected


@pytest.mark.parametrize(
    ("images", "batch_size", "expected"),
    [(324, 128, (128, 2)), (100, 128, (100, 1)), (9_999, 128, (128, 78)), (54_000, 128, (128, 421))],
)
def test_by_the_older_rules_few_images_are_divided_as_many_are(
    images: int, batch_size: int, expected: tuple[int, int]
) -> None:
    assert divide_epoch(images, batch_size, rules=1) == expected


@given(st.integers(1, SMALL_TRAINING_SPLIT - 1), st.integers(1, 1024))
def test_of_few_images_each_is_in_an_epoch(images: int, batch_size: int) -> None:
    batch, steps = divide_epoch(images, batch_size)
    assert batch <= batch_size
    assert images <= batch * steps < images + steps
    assert steps >= min(LEAST_STEPS, images // SMALLEST_BATCH) or batch == batch_size


@given(st.integers(SMALL_TRAINING_SPLIT, 100_000), st.integers(1, 1024))
def test_of_many_images_less_than_a_batch_is_left_out(images: int, batch_size: int) -> None:
    batch, steps = divide_epoch(images, batch_size)
    assert batch == batch_size
    assert 0 <= images - batch * steps < batch

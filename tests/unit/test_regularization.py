"""What `auto` means for augmentation and averaging: by epochs, family, size and data."""

import pytest

from hpsearch.study.regularization import choose_augmentation, choose_averaging, choose_strength


@pytest.mark.parametrize(
    ("weights", "epochs", "sees"),
    [
        (91_642, 9, "none"),
        (91_642, 10, "flip"),
        (30_001, 12, "flip"),
        (9_546, 12, "none"),
        (30_000, 15, "none"),
        (9_546, 16, "flip"),
        (9_546, 40, "flip+shift"),
        (91_642, 15, "flip"),
        (91_642, 16, "flip+shift"),
        (91_642, 59, "flip+shift"),
        (120_000, 14, "flip"),
        (120_001, 13, "flip"),
        (187_826, 14, "flip+shift"),
        (187_826, 60, "flip+shift+erasing"),
        (91_642, 60, "flip+shift+erasing"),
        (9_546, 119, "flip+shift"),
        (9_546, 120, "flip+shift+erasing"),
    ],
)
def test_a_longer_training_sees_its_images_changed_and_a_large_network_sooner(
    weights: int, epochs: int, sees: str
) -> None:
    assert choose_augmentation("cnn", weights, epochs, "fashion-mnist", 0) == sees


@pytest.mark.parametrize(
    ("weights", "epochs", "given", "strength"),
    [
        (47_502, 16, 0.5, 0.25),
        (91_642, 29, 0.5, 0.25),
        (91_642, 29, 0.2, 0.2),
        (91_642, 30, 0.5, 0.5),
        (187_826, 14, 0.5, 0.5),
        (9_546, 40, 0.5, 0.5),
    ],
)
def test_images_are_moved_less_in_trainings_that_barely_bear_it(
    weights: int, epochs: int, given: float, strength: float
) -> None:
    assert choose_strength("cnn", weights, epochs, given) == strength
    assert choose_strength("fcn", weights, epochs, given) == given


def test_digits_are_not_mirrored_and_of_own_images_every_other_trial_sees_them_so() -> None:
    assert choose_augmentation("cnn", 91_642, 15, "mnist", 1) == "none"
    assert [choose_augmentation("cnn", 91_642, 15, "mine", number) for number in range(3)] == ["none", "flip", "none"]
    assert choose_augmentation("cnn", 91_642, 16, "mnist", 1) == "shift"
    assert [choose_augmentation("cnn", 91_642, 60, "mine", number) for number in range(2)] == [
        "shift+erasing",
        "flip+shift+erasing",
    ]


def test_a_fully_connected_network_sees_moved_images_and_none_mirrored() -> None:
    sees = [choose_augmentation("fcn", 91_642, epochs, "fashion-mnist", 1) for epochs in (39, 40, 300)]
    assert sees == ["none", "shift", "shift"]


def test_weights_are_averaged_where_there_are_epochs_to_average() -> None:
    assert [choose_averaging(epochs) for epochs in (7, 8)] == ["none", "ema"]

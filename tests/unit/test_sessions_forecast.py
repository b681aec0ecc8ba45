import pytest

from hpsearch.sessions.forecast import expect_epoch_share, forecast_seconds


def test_trials_go_in_rounds_of_as_many_as_there_are_workers() -> None:
    assert forecast_seconds(trials=5, epochs=10, epoch_seconds=2.0, workers=2) == 20 + 3 * (10 * 2.0 + 0.5)


def test_without_a_pruner_every_epoch_is_trained() -> None:
    assert expect_epoch_share("none", 10) == 1.0


def test_median_ends_half_of_the_trials_after_a_fifth_of_their_epochs() -> None:
    assert expect_epoch_share("median", 10) == pytest.approx(0.5 + 0.5 * 0.2)


def test_asha_lets_a_third_pass_each_rung() -> None:
    # Of 9 epochs: 1 by all, 2 more by a third, 6 more by a ninth.
    assert expect_epoch_share("asha", 9) == pytest.approx((1 + 2 / 3 + 6 / 9) / 9)


@pytest.mark.parametrize("epochs", [1, 2, 3, 9, 10, 27, 100])
@pytest.mark.parametrize("pruner", ["asha", "hyperband", "median", "none"])
def test_no_pruner_trains_more_than_all_epochs_or_none_at_all(pruner: str, epochs: int) -> None:
    assert 0 < expect_epoch_share(pruner, epochs) <= 1  # type: ignore[arg-type]


def test_hyperband_lies_between_asha_and_no_pruning() -> None:
    assert expect_epoch_share("asha", 27) < expect_epoch_share("hyperband", 27) < 1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.errors import InputError
from hpsearch.network.budget import MAXIMUM_BUDGET_WEIGHTS, format_budget, parse_budget


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("100k", 100_000),
        ("100_000", 100_000),
        ("0.1m", 100_000),
        ("1e5", 100_000),
        (" 100K ", 100_000),
        ("99898", 99_898),
        ("1.5k", 1_500),
        ("1", 1),
        ("100m", MAXIMUM_BUDGET_WEIGHTS),
    ],
)
def test_a_budget_is_read_as_people_type_it(text: str, weights: int) -> None:
    assert parse_budget(text) == weights


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("abc", "is not a number of weights"),
        ("", "is not a number of weights"),
        ("-5k", "is not a number of weights"),
        ("10 000", "is not a number of weights"),
        ("10g", "is not a number of weights"),
        ("٣k", "is not a number of weights"),
        ("0", "leaves no weights at all"),
        ("0k", "leaves no weights at all"),
        ("1e12", "is over the largest allowed, 100,000,000 weights"),
        ("100000001", "is over the largest allowed"),
        ("100.000", "is 100 weights, if a point is no thousands separator"),
        ("0.0001k", "is 0.1000 weights, which is not whole"),
    ],
)
def test_a_wrong_budget_is_answered_with_the_value_the_rule_and_what_to_type(text: str, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_budget(text)
    message = str(caught.value)
    assert message.startswith(f"budget {text!r} {rule}")
    assert message.endswith("give a whole number of weights such as 100k, 100_000 or 0.1m")
    assert "\n" not in message


@given(weights=st.integers(1, MAXIMUM_BUDGET_WEIGHTS) | st.integers(1, 1_000).map(lambda thousands: thousands * 1_000))
def test_a_written_budget_is_read_back_without_loss(weights: int) -> None:
    assert parse_budget(format_budget(weights)) == weights


def test_a_budget_is_written_as_briefly_as_it_goes() -> None:
    assert [format_budget(weights) for weights in (100_000, 1_000_000, 1_500_000, 99_898, 999)] == [
        "100k",
        "1m",
        "1500k",
        "99898",
        "999",
    ]

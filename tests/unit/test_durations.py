import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hpsearch.durations import format_duration, parse_duration
from hpsearch.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h2m3s", 3723),
        ("1.5h", 5400),
        (" 10M ", 600),
        ("15min", 900),
        ("1d", 86400),
        ("4.2 s", 4.2),
    ],
)
def test_a_duration_is_read_as_it_is_typed(text: str, seconds: float) -> None:
    assert parse_duration(text, "--timeout") == seconds


@pytest.mark.parametrize(
    "text", ["", "90", "abc", "-5m", "5m1h", "0s", "0h0m", "1w", "5ms", "1h-5m", "nan", "infh", "１５m"]
)
def test_what_is_no_duration_is_refused_with_the_flag_and_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"--timeout .*15m"):
        parse_duration(text, "--timeout")


@given(st.text(max_size=20))
def test_any_text_is_a_duration_above_nothing_or_an_input_error(text: str) -> None:
    try:
        seconds = parse_duration(text, "--timeout")
    except InputError:
        return
    assert seconds > 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.031, "0.03 s"),
        (4.21, "4.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.7, "1m 00s"),
        (65, "1m 05s"),
        (3599.6, "1h 00m"),
        (7800, "2h 10m"),
    ],
)
def test_a_duration_is_written_with_the_units_that_matter(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.floats(0.01, 900_000))
@example(1.75)
def test_what_is_written_is_read_back_to_half_of_its_last_figure(seconds: float) -> None:
    last_figure = 0.01 if seconds < 0.995 else 0.1 if seconds < 9.95 else 1 if seconds < 3600 else 60
    read_back = parse_duration(format_duration(seconds), "--timeout")
    assert read_back == pytest.approx(seconds, rel=1e-9, abs=last_figure * 0.501)

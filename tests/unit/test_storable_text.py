"""Text that no database, file or terminal can hold is found, refused or written out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.storable_text import find_name_fault, find_storage_fault, list_unstorable, make_storable, write_out

ANY_TEXT = st.text(st.characters())
"""With lone surrogates, as Python reads names that are no UTF-8, and with control characters."""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("caf\udce9", "no UTF-8"),
        ("a\0b", "zero byte"),
        ("", "empty"),
        (" \t", "empty"),
        ("a\nb", "line break"),
        ("a\x1b[31mb", "control character"),
        ("a\u2028b", "line break"),
        ("a\u202eb", "control character"),
    ],
)
def test_what_can_be_no_name_says_why(name: str, fault: str) -> None:
    assert fault in (find_name_fault(name) or "")


@pytest.mark.parametrize("name", ["café", "cafe\u0301", "猫", "two words", "👩\u200d🔬", "0"])
def test_names_of_any_language_are_names(name: str) -> None:
    assert find_name_fault(name) is None
    assert write_out(name) == name


def test_a_byte_that_is_no_utf_8_is_written_as_python_writes_it() -> None:
    assert write_out("caf\udce9\n\x1b[0m") == r"caf\xe9\n\x1b[0m"


@given(ANY_TEXT)
def test_what_was_made_storable_can_be_stored(text: str) -> None:
    storable = make_storable({text: [text, 1, None]})
    assert list(list_unstorable(storable)) == []
    json.dumps(storable, ensure_ascii=False).encode()
    if find_storage_fault(text) is None:
        assert storable == {text: [text, 1, None]}


@given(ANY_TEXT)
def test_what_was_written_out_is_one_line_that_can_be_shown(text: str) -> None:
    shown = write_out(text)
    assert find_storage_fault(shown) is None
    assert len(shown.splitlines()) <= 1

"""What the commands print that change a study or carry it away, as it was last looked at."""

import pytest

from tests.screens import FOLDER
from tests.typed_screens import FILE, type_all

pytestmark = pytest.mark.slow


def test_what_is_printed_is_as_it_was_last_looked_at() -> None:
    kept = (FOLDER / FILE).read_text(encoding="utf-8")
    assert type_all() == kept, "look at it, then: python -m tests.typed_screens"

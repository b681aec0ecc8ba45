"""A database of another layout is refused in one sentence, and left as it is."""

import pytest

from hpsearch.errors import StorageError
from hpsearch.storage import tables
from hpsearch.storage.database import Database
from hpsearch.storage.layout import LAYOUT_VERSION


@pytest.mark.parametrize("version", [LAYOUT_VERSION - 1, LAYOUT_VERSION + 1])
def test_another_layout_is_refused_and_left_as_it_is(storage_url: str, version: int) -> None:
    with Database.open(storage_url, create=True) as database, database.transaction() as connection:
        connection.execute(tables.layout.update().values(version=version))
    for open_again in (Database.open, Database.open_read_only, lambda url: Database.open(url, create=True)):
        for _ in range(2):
            with pytest.raises(StorageError, match=rf"has layout {version}, .*writes {LAYOUT_VERSION} alone: "):
                open_again(storage_url)

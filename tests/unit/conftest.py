"""New SQLite databases of unit tests are copies of one, which is made once a test process: a tenth of a second each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from hpsearch.storage import engines
from hpsearch.storage.url import is_sqlite


@pytest.fixture(scope="session", autouse=True)
def copied_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A database that is opened anew gets a copy of what `make_tables` made; contract and integration tests do not, nor
    does the copying of databases."""
    model = tmp_path_factory.mktemp("model") / "studies.db"
    make_tables = engines.make_tables

    def copy_tables(url: URL) -> None:
        if not is_sqlite(url):
            make_tables(url)
            return
        if not model.exists():
            make_tables(url.set(database=str(model)))
        shutil.copyfile(model, Path(url.database or ""))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "make_tables", copy_tables)
        yield

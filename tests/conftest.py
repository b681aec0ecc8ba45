"""Hypothesis profiles, and databases for the tests that need one."""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

from tests.postgres import OwnPostgresServer, PostgresServer, run_postgres

settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("quick", deadline=None, max_examples=10, derandomize=True)
settings.register_profile("ci", deadline=None, max_examples=500, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# What a script starts in the background ignores Ctrl-C, and so would all that the tests start and send one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Puts back what a command leaves behind, whose process ends with it; here it is that of the tests.

    `worker` answers signals, and every command says that no figure is for a window: a notebook that a later test
    executes would show none.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)
    before = [(number, signal.getsignal(number)) for number in numbers]
    backend = os.environ.get("MPLBACKEND")
    yield
    for number, handler in before:
        signal.signal(number, handler)
    os.environ.pop("MPLBACKEND", None)
    if backend is not None:
        os.environ["MPLBACKEND"] = backend


@pytest.fixture(scope="session", autouse=True)
def copied_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new SQLite database gets a copy of what `make_tables` made once; processes and backups make their own."""
    from hpsearch.storage import engines
    from hpsearch.storage.url import is_sqlite

    model = tmp_path_factory.mktemp("model") / "studies.db"
    make_tables = engines.make_tables

    def copy_tables(url: sa.URL) -> None:
        if not is_sqlite(url):
            make_tables(url)
            return
        if not model.exists():
            make_tables(url.set(database=str(model)))
        shutil.copyfile(model, Path(url.database or ""))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "make_tables", copy_tables)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process; HPSEARCH_TEST_DATABASE_URL names a server to use instead."""
    if url := os.environ.get("HPSEARCH_TEST_DATABASE_URL"):
        yield PostgresServer(sa.make_url(url).set(drivername="postgresql+psycopg"))
        return
    with run_postgres() as server:
        yield server


@pytest.fixture
def own_postgres(request: pytest.FixtureRequest) -> Iterator[OwnPostgresServer]:
    """A PostgreSQL server that a test may stop and start; it leaves it running."""
    server = request.getfixturevalue("postgres")
    if isinstance(server, OwnPostgresServer):  # this process's alone, and tests come one after the other
        yield server
        return
    with run_postgres() as own:
        yield own


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that does not exist yet, or has no tables: every test runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/studies.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without studies, for tests that are not about how tables are made: on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/studies.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.copy_model()
    yield url
    server.drop_database(url)


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands that are typed in this process fork their workers, which takes milliseconds instead of seconds."""
    from hpsearch.engines import local as supervisor
    from tests.forked_workers import start_forked

    monkeypatch.setattr(supervisor, "start_process", start_forked)


def pytest_configure(config: pytest.Config) -> None:
    """`-m "not slow"` is for a look between two edits: a property is tried with fewer examples than in the whole."""
    if config.option.markexpr == _FAST and "HYPOTHESIS_PROFILE" not in os.environ:
        settings.load_profile("quick")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three processes on two cores: much of the time a test waits for a process, a lease or a browser.

    Fast tests wait for nothing, and a third process would only import once more what the others do.
    """
    return 2 if config.option.markexpr == _FAST else 3


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What a folder's tests import is not imported where none of them runs.

    `-m gpu` looks at its own folder alone, for a machine with a GPU need not have what all the others import, and
    `-m "not slow"` at none whose tests are all slow.
    """
    if not collection_path.is_file():
        return None
    folders = set(collection_path.parts)
    match config.option.markexpr:
        case "gpu":
            return True if "gpu" not in folders else None
        case expression if expression == _FAST:
            return True if folders & _SLOW_FOLDERS else None
    return None


_FAST = "not slow"
_SLOW_FOLDERS = frozenset({"contract", "integration", "fault", "browser"})
_SERVERS = frozenset({"postgres", "own_postgres"})
"""Fixtures that start a server."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts servers, processes and browsers is slow, as further variants are: `-m "not slow"` does without."""
    for item in items:
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)


def _is_slow(item: pytest.Item) -> bool:
    folders = item.path.relative_to(Path(__file__).parent).parts
    if not _SLOW_FOLDERS.isdisjoint(folders) or item.get_closest_marker("exhaustive"):
        return True
    if not isinstance(item, pytest.Function):
        return False
    variants = item.callspec.params.values() if hasattr(item, "callspec") else ()
    needs_server = any(isinstance(variant, str) and variant == "postgresql" for variant in variants)
    return needs_server or not _SERVERS.isdisjoint(item.fixturenames)


def pytest_collection_finish() -> None:
    """What was imported stays to the end: a collection of garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()

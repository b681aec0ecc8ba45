"""A server that asks for passwords, for the tests of secrets and of deployments."""

from collections.abc import Iterator

import pytest

from tests.password_postgres import PasswordServer, run_password_postgres


@pytest.fixture(scope="session")
def password_server() -> Iterator[PasswordServer]:
    """A PostgreSQL server of this test process on a port of its own."""
    with run_password_postgres() as server:
        yield server

"""The commands of docs/scale.md's section on PostgreSQL, typed into a shell as they stand, against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch.storage.database import Database
from tests.compose_file import ROOT
from tests.deployment_room import STUDY, DeploymentRoom, make_roles, open_room
from tests.password_postgres import PasswordServer

pytestmark = pytest.mark.slow

SECTION = "## PostgreSQL, and workers anywhere\n"
SIZE = "--budget 100k --arch cnn --trials 200"


@pytest.fixture
def room(tmp_path: Path, password_server: PasswordServer) -> Iterator[DeploymentRoom]:
    with open_room(tmp_path, password_server) as opened:
        yield opened


def read_commands(room: DeploymentRoom) -> str:
    """The section's commands in their order; the study is a tiny one, and the URLs are the server's."""
    section = (ROOT / "docs" / "scale.md").read_text().partition(SECTION)[2].partition("\n### ")[0]
    text = "\n".join(line.removeprefix("    ") for line in section.splitlines() if line.startswith("    "))
    replaced = {SIZE: f"study.toml --study {STUDY}", "fashion-mnist-cnn-100k": STUDY}
    for role in ("owner", "worker"):
        replaced[f"postgresql://hpsearch_{role}:PASSWORD@HOST/hpsearch"] = room.url(role)
    for written, here in replaced.items():
        assert written in text
        text = text.replace(written, here)
    return text


@pytest.mark.exhaustive
def test_the_section_leads_from_an_empty_database_to_results_on_the_disk(room: DeploymentRoom) -> None:
    make_roles(room)
    environment = {"HPSEARCH_CACHE": str(room.folder / "data")}
    room.run(["bash", "-e", "-c", read_commands(room)], environment)
    assert room.read().counts["COMPLETE"] == 3
    for name in ("owner", "storage"):
        assert (room.folder / ".config" / "hpsearch" / name).stat().st_mode & 0o077 == 0
    assert list((room.folder / "reports").glob("*.html"))
    assert list((room.folder / "networks").rglob("*.safetensors"))
    with Database.open(f"sqlite:///{room.folder / 'studies.db'}", check=False) as backup:
        assert backup.path is not None

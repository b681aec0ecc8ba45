"""Containers without containers: a folder for their file systems, processes for their commands, a real database."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import psycopg

from hpsearch.storage.database import Database
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import load_study
from tests.cli_runs import FINISH_SECONDS, make_room, write_tiny_archive
from tests.compose_file import ROOT, load_compose
from tests.password_postgres import PasswordServer

DEPLOY = ROOT / "deploy"
STUDY = "tiny"
SECRETS = {
    "postgres_password",
    "dashboard_token",
    *(f"{role}_{kind}" for role in ("owner", "worker", "dashboard") for kind in ("password", "url")),
}


@dataclass(frozen=True)
class DeploymentRoom:
    """A folder that stands for the containers' file systems, and a database of its own on a real server."""

    folder: Path
    server: PasswordServer
    database: str

    @property
    def secrets(self) -> Path:
        """What is mounted at /run/secrets."""
        return self.folder / "secrets"

    def url(self, role: str) -> str:
        """The storage URL of a role."""
        return (self.secrets / f"{role}_url").read_text().strip()

    def connect(self, role: str) -> psycopg.Connection[Any]:
        """Be a role, without hpsearch in between."""
        return psycopg.connect(self.url(role), autocommit=True)

    def read(self) -> StudyRecord:
        """The study as it stands."""
        with Database.open(self.url("worker")) as database:
            return read_study_record(load_study(database, STUDY))

    def place(self, text: str) -> str:
        """What a container's path or port is here."""
        inside = {
            "/run/secrets/hpsearch/url": str(self.secrets / "worker_url"),
            "/run/secrets": str(self.secrets),
            "/study.toml": str(self.folder / "study.toml"),
            "/data": str(self.folder / "data"),
        }
        flag, equals, value = text.partition("=") if text.startswith("--") else ("", "", text)
        for path, here in inside.items():
            if value == path or value.startswith(f"{path}/"):
                return flag + equals + here + value.removeprefix(path)
        return text

    def start(self, command: list[str], environment: Mapping[str, str], **keywords: Any) -> "subprocess.Popen[str]":
        """Start a container's command with nothing but its own environment, and the programs of this one."""
        programs = f"{Path(sys.executable).parent}{os.pathsep}{self.server.binaries}{os.pathsep}{os.environ['PATH']}"
        own = {name: self.place(str(value)) for name, value in environment.items()}
        return subprocess.Popen(
            [self.place(argument) for argument in command],
            env={"PATH": programs, "HOME": str(self.folder), "MPLCONFIGDIR": matplotlib.get_cachedir()} | own,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **keywords,
        )

    def run(self, command: list[str], environment: Mapping[str, str], code: int = 0) -> tuple[str, str]:
        """Run it to its end; what it wrote to stdout and stderr."""
        with self.start(command, environment) as process:
            out, err = process.communicate(timeout=FINISH_SECONDS)
        assert process.returncode == code, (out, err)
        return out, err


@contextmanager
def open_room(folder: Path, server: PasswordServer) -> Iterator[DeploymentRoom]:
    """Secrets from the script that makes them, and an empty database; roles are for the test to make."""
    name = f"deployed_{uuid.uuid4().hex[:12]}"
    room = DeploymentRoom(folder, server, name)
    make_secrets(room.secrets)
    for path in room.secrets.glob("*_url"):
        content = path.read_text().replace("@database/hpsearch", f"@127.0.0.1:{server.port}/{name}")
        path.unlink()
        path.write_text(content)
    (folder / "data").mkdir()
    archive = write_tiny_archive(folder / "tiny.npz")
    (folder / "study.toml").write_text(
        f'dataset = "{archive}"\narch = "fcn"\nbudget = "2k"\ntrials = 3\nepochs = 2\npruner = "none"\n'
    )
    server.administration.execute(f"CREATE DATABASE {name}")
    try:
        yield room
    finally:
        server.administration.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for role in ("owner", "worker", "dashboard"):
            server.administration.execute(f"DROP ROLE IF EXISTS hpsearch_{role}")


def make_secrets(folder: Path) -> None:
    """Type the command of the documentation."""
    subprocess.run([DEPLOY / "make-secrets.sh", folder], check=True, capture_output=True)


def make_roles(room: DeploymentRoom) -> None:
    """Run the init script with the environment that compose gives it, as the postgres image does: over the socket."""
    service = load_compose()["services"]["database"]
    environment = service["environment"] | {"POSTGRES_DB": room.database}
    by_socket = {"PGHOST": str(room.server.folder), "PGPORT": str(room.server.port)}
    out, err = room.run([str(DEPLOY / "postgres" / "roles.sh")], environment | by_socket)
    assert (out, err) == ("", "")


def make_study(room: DeploymentRoom) -> None:
    """Make the study as the role that may."""
    make_roles(room)
    commands = make_room(
        room.folder, {"HPSEARCH_STORAGE_FILE": str(room.secrets / "owner_url"), "HPSEARCH_STORAGE": ""}
    )
    with commands.fork("create", str(room.folder / "study.toml"), "--study", STUDY) as process:
        _out, err = process.communicate(timeout=FINISH_SECONDS)
    assert (process.returncode, err) == (0, "")

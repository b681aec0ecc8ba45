"""`launch`: what is refused before anything is submitted, what is written, and what it says of a job."""

import json
import os
from pathlib import Path

import pytest

from tests.cli_runs import CommandRoom, Ended
from tests.fault.studies import make
from tests.postgres import PostgresServer
from tests.scripted import finish_trials

SLURM = ("launch", "study", "--on", "slurm")
KUBERNETES = ("launch", "study", "--on", "kubernetes", "--image", "registry.example.com/hpsearch:1")


@pytest.fixture
def storage(postgres: PostgresServer) -> str:
    url = postgres.make_database()
    make(url, trials=5, epochs=2)
    return url


@pytest.fixture
def room(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandRoom:
    """A folder with the URL in a file, and neither sbatch nor kubectl on PATH."""
    file = tmp_path / "url"
    file.write_text(storage)
    file.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_STORAGE_FILE", str(file))
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return CommandRoom(tmp_path, capsys)


def add_program(room: CommandRoom, name: str, answer: str) -> Path:
    """A scheduler's command that keeps what it was given, and answers."""
    path = room.folder / "bin" / name
    script = f'#!/bin/sh\necho "$@" > {room.folder}/arguments\n/usr/bin/env > {room.folder}/environment\n'
    path.write_text(f"{script}/bin/cat > {room.folder}/input\n{answer}\n")
    path.chmod(0o755)
    return path


def refuse(ended: Ended, code: int, *words: str) -> None:
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.count("\n") == 1
    for word in words:
        assert word in ended.err, ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("launch", "study"), ("--on slurm", "--on kubernetes")),
        (("launch", "study", "--on", "ray"), ("hpsearch run has --on ray",)),
        ((*SLURM, "--workers", "auto"), ("--workers auto",)),
        ((*SLURM, "--gpus", "2"), ("--gpus 2", "give 1")),
        ((*SLURM, "--gpu-share", "4"), ("needs --gpus 1",)),
        ((*SLURM, "--gpus", "1", "--gpu-share", "auto"), ("a number",)),
        ((*SLURM, "--image", "x"), ("--image is for --on kubernetes",)),
        ((*SLURM, "--time", "soon"), ("--time 'soon'",)),
        (KUBERNETES[:4], ("--image NAME", "Dockerfile")),
        (SLURM, ("no sbatch on PATH", "--print")),
        (KUBERNETES, ("no kubectl on PATH", "--print")),
    ],
)
def test_what_cannot_be_launched_is_refused_in_a_line(
    room: CommandRoom, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refuse(room.type(*arguments), 2, *words)


def test_a_study_that_is_not_there_or_has_nothing_to_do_is_refused(room: CommandRoom, storage: str) -> None:
    refuse(room.type("launch", "other", "--on", "slurm"), 2, "'other'")
    from hpsearch.storage.database import Database
    from hpsearch.tuning.study import load_study

    with Database.open(storage) as database:
        finish_trials(load_study(database, "study"), 0.1, 0.2, 0.3, 0.4, 0.5)
    refuse(room.type(*SLURM), 2, "is finished", "hpsearch resume study --trials +N")


def test_a_stopped_study_is_refused_with_what_lets_it_go_on(room: CommandRoom) -> None:
    assert room.type("stop", "study").code == 0
    ended = room.type(*SLURM)
    assert ended.code != 0
    assert "hpsearch resume study" in ended.err


def test_more_workers_than_the_database_bears_are_refused_with_how_many_it_does(room: CommandRoom) -> None:
    refuse(room.type(*SLURM, "--workers", "500"), 3, "2500 connections", "max_connections", "--pooled")
    printed = room.type(*SLURM, "--workers", "500", "--pooled", "--print")
    assert printed.code == 0
    assert "#SBATCH --array=1-500" in printed.out


def test_a_sqlite_file_is_refused(room: CommandRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPSEARCH_STORAGE_FILE")
    refuse(room.type(*KUBERNETES, "--storage", "sqlite:///a.db"), 2, "SQLite", "PostgreSQL")


def test_slurm_needs_the_url_in_a_file(room: CommandRoom, storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(room.folder))
    monkeypatch.delenv("HPSEARCH_STORAGE_FILE")
    monkeypatch.setenv("HPSEARCH_STORAGE", storage)
    refuse(room.type(*SLURM), 2, ".config/hpsearch/storage", "chmod 600")


def test_a_job_is_submitted_and_said_how_to_look_at_it(room: CommandRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    add_program(room, "sbatch", "echo '4711;main'")
    monkeypatch.setenv("SOMETHING", "else")
    ended = room.type(*SLURM, "--workers", "3", "--time", "90m", "--", "--partition=long")
    assert (ended.code, ended.err) == (0, "")
    assert (
        "submitted  job 4711: 3 workers of study; 5 trials are left; 3 workers open up to 15 connections" in ended.out
    )
    for command in ("squeue --job 4711", "scancel 4711", "hpsearch status study --watch", "hpsearch-study-4711_*.log"):
        assert command in ended.out
    script = (room.folder / "input").read_text()
    assert "#SBATCH --partition=long\n" in script
    assert "#SBATCH --time=01:30:00\n" in script
    environment = (room.folder / "environment").read_text()
    assert "SOMETHING=else" in environment
    assert "HPSEARCH_STORAGE=" not in environment
    assert "--parsable" in (room.folder / "arguments").read_text()


def test_what_a_scheduler_refuses_is_said_in_its_words(room: CommandRoom) -> None:
    add_program(room, "sbatch", "echo 'sbatch: error: invalid partition specified' >&2; exit 1")
    refuse(room.type(*SLURM), 1, "sbatch refused it", "invalid partition specified")


def test_a_kubernetes_job_is_submitted_to_its_namespace(room: CommandRoom) -> None:
    add_program(room, "kubectl", "echo job.batch/hpsearch-study-x1y2z")
    ended = room.type(*KUBERNETES, "--json", "--", "--namespace=lab")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert told["job"] == "hpsearch-study-x1y2z"
    assert told["cancel"] == "kubectl delete job hpsearch-study-x1y2z --namespace=lab"
    assert (room.folder / "arguments").read_text().split()[-1] == "--namespace=lab"


def test_what_is_printed_is_what_would_be_submitted_and_holds_no_url(room: CommandRoom, storage: str) -> None:
    add_program(room, "sbatch", "echo 1")
    printed = room.type(*SLURM, "--print").out
    assert not (room.folder / "input").exists()
    assert room.type(*SLURM).code == 0
    without = [line for line in printed.splitlines() if "hpsearch launch" not in line]
    submitted = (room.folder / "input").read_text().splitlines()
    assert without == [line for line in submitted if "hpsearch launch" not in line]
    assert storage not in printed
    assert os.environ["HPSEARCH_STORAGE_FILE"] in printed

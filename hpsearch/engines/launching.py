"""Launching workers through a scheduler: what is asked for, the text that is submitted, the command that takes it."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Protocol

from hpsearch.errors import HpsearchError, InputError

CONNECTIONS_A_WORKER = 5
_SUBMIT_SECONDS = 60.0


class LaunchError(HpsearchError):
    """A scheduler refused what was submitted."""


@dataclass(frozen=True)
class LaunchOrder:
    """Workers of a study, as they were asked for."""

    study: str
    workers: int
    gpus: int
    """GPUs a worker: 0 for the CPU alone, else 1."""
    gpu_share: int = 1
    """How many workers share a GPU."""
    seconds: float | None = None
    """How long each may take; None for the scheduler's own limit, or the template's."""
    dataset: str | None = None
    """Where the machines have the study's images."""
    options: tuple[str, ...] = ()
    """Further ones, for the scheduler."""
    command: str = "hpsearch launch"
    """What was typed."""

    @property
    def tasks(self) -> int:
        """How many things the scheduler places: workers that share a GPU go together."""
        return -(-self.workers // self.gpu_share)

    @property
    def flags(self) -> tuple[str, ...]:
        """Those of `hpsearch worker` in each."""
        device = () if self.gpus else ("--device", "cpu")
        dataset = ("--dataset", self.dataset) if self.dataset else ()
        share = str(self.gpu_share)
        return (*device, *dataset, *(("--workers", share, "--gpu-share", share) if self.gpu_share > 1 else ()))


@dataclass(frozen=True)
class Submitted:
    """What a scheduler has taken."""

    job: str
    """Its id or name."""
    look: str
    """The command that shows it."""
    cancel: str
    """The command that ends it."""
    logs: str
    """The command, or place, that shows what its workers say."""


class Launcher(Protocol):
    """A scheduler."""

    def write(self) -> str:
        """The script or manifest."""
        ...

    def submit(self, text: str) -> Submitted:
        """Hand it over.

        Raises:
            InputError: Its command is not on PATH.
            LaunchError: It was refused.
        """
        ...


class _Template(Template):
    """Fields are @name, for scripts are full of $; @@ is an @."""

    delimiter = "@"


def fill_template(file: str, **fields: object) -> str:
    """A template of this package, which an installed wheel has as well, with its fields filled in."""
    text = (files("hpsearch.engines") / "templates" / file).read_text(encoding="utf-8")
    return _Template(text).substitute(fields)


def run_command(command: Sequence[str], text: str, environment: Mapping[str, str], *, hint: str) -> str:
    """Run a scheduler's command with `text` as its input, and give what it says.

    Raises:
        InputError: The command is not on PATH.
        LaunchError: It failed.
    """
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        raise InputError(f"there is no {command[0]} on PATH: {hint}")
    try:
        ended = subprocess.run(
            [program, *command[1:]],
            input=text,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_SUBMIT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchError(f"{command[0]} could not be run: {error}") from error
    if ended.returncode:
        said = " ".join((ended.stderr or ended.stdout).split())
        raise LaunchError(f"{command[0]} refused it: {said[:500] or f'exit code {ended.returncode}'}")
    return ended.stdout.strip()


def format_duration(seconds: float) -> str:
    """As Slurm reads it, rounded up to a minute: DAYS-HOURS:MINUTES:SECONDS."""
    minutes = max(1, -(-int(seconds) // 60))
    days, rest = divmod(minutes, 24 * 60)
    return f"{f'{days}-' if days else ''}{rest // 60:02}:{rest % 60:02}:00"

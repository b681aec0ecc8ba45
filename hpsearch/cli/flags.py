"""What was typed behind options, read: numbers, the flags of a study, the database and what the environment says."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from hpsearch.errors import InputError, StorageError
from hpsearch.sessions.storage import DEFAULT_STORAGE, STORAGE_FILE_VARIABLE, STORAGE_VARIABLE
from hpsearch.whole_number import read_whole_number

_LIMITS = ("budget", "ram", "flash", "macs", "target")
_WORDS = ("arch", "dataset", "time", "sampler", "pruner", "portfolio", "teacher")
_NUMBERS = ("trials", "epochs", "seed", "image_size")
_SWITCHES = ("grey", "int8")


def collect_flags(context: typer.Context) -> dict[str, int | str | None]:
    """The options that say what a study is, by the names that a study file has for them; None of what is not said.

    A command has those of them that its function lists.
    """
    given = context.params
    flags: dict[str, int | str | None] = {name: given.get(name) for name in (*_LIMITS, *_WORDS)}
    flags |= {name: read_number(given.get(name)) for name in _NUMBERS}
    flags |= {name: given.get(name) or None for name in _SWITCHES}
    return flags | {"name": given.get("study")}


def read_number(text: str | None) -> int | str | None:
    """A whole number where the text is one; other text stays, for the study's own check to refuse it."""
    number = None if text is None else read_whole_number(text)
    return text if number is None else number


def parse_number(text: str | None, flag: str, *, least: int) -> int | None:
    """Read a whole number.

    Raises:
        InputError: It is none, or below `least`.
    """
    from hpsearch.wording import quote

    number = read_number(text)
    if number is None:
        return None
    if isinstance(number, str) or number < least:
        raise InputError(f"{flag} {quote(text)} is not allowed: give a whole number, at least {least}")
    return number


def parse_workers(text: str) -> int | None:
    """Read `--workers`: None for auto.

    Raises:
        InputError: It is neither auto nor a number that makes sense.
    """
    if text.strip().lower() == "auto":
        return None
    from hpsearch.sessions.request import MOST_WORKERS
    from hpsearch.wording import quote

    count = read_whole_number(text)
    if count is None or not 1 <= count <= MOST_WORKERS:
        raise InputError(f"--workers {quote(text)} is not allowed: give auto, or a number from 1 to {MOST_WORKERS}")
    return count


def parse_engine(text: str) -> str:
    """Read `--on` of `run`.

    Raises:
        InputError: There is no such engine.
    """
    from hpsearch.wording import quote

    name = text.strip().lower()
    if name in ("slurm", "kubernetes"):
        raise InputError(
            f"--on {name} is not for run, which stays until the study is finished: make the study with "
            f"hpsearch create, then hpsearch launch STUDY --on {name}"
        )
    if name not in ("local", "ray"):
        raise InputError(f"--on {quote(text)} is not allowed: give local or ray")
    return name


@dataclass(frozen=True)
class StorageChoice:
    """The database that a command works on, and how a person named it."""

    url: str
    is_flag: bool
    """Whether another command needs the option, too: it came neither from the environment nor by default."""

    def complete_command(self, command: str) -> str:
        """A command to type next, with this storage; never with a password."""
        return f"{command} --storage {shlex.quote(hide_password(self.url))}" if self.is_flag else command


def choose_storage(context: typer.Context, given: str | None) -> StorageChoice:
    """What `--storage`, HPSEARCH_STORAGE or the file that HPSEARCH_STORAGE_FILE names says, else the default.

    Raises:
        InputError: Both variables are set.
        StorageError: The file cannot be read, or holds no database URL.
    """
    source = context.get_parameter_source("storage")
    is_flag = source is not None and source.name == "COMMANDLINE"
    file = os.environ.get(STORAGE_FILE_VARIABLE)
    if is_flag or not file:
        return StorageChoice(given or DEFAULT_STORAGE, is_flag=is_flag)
    from hpsearch.sessions.storage import read_storage_file

    if given:
        raise InputError(
            f"{STORAGE_VARIABLE} and {STORAGE_FILE_VARIABLE} are both set: unset one of them, or give --storage"
        )
    return StorageChoice(read_storage_file(Path(file)), is_flag=False)


def choose_cache_folder() -> Path:
    """Where data sets are kept, as the environment says."""
    from hpsearch.sessions.storage import find_cache_folder

    return find_cache_folder(os.environ)


def hide_password(text: str) -> str:
    """A storage URL as a person may type it again, its password hidden; other text stays as it is."""
    from hpsearch.sessions.storage import show_storage

    head, separator, url = text.partition("=") if text.startswith("--") else ("", "", text)
    if "@" not in url or "://" not in url:
        return text
    try:
        shown = show_storage(url)
    except StorageError:
        shown = "URL"
    return head + separator + shown


def join_command(arguments: Sequence[str]) -> str:
    """The command line that was typed, as a shell takes it, without passwords."""
    return shlex.join(["hpsearch", *(hide_password(argument) for argument in arguments)])

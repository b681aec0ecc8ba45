"""Which command lies in which module: the one that is typed is imported, and no other.

Typer reads a command's options from its function, so that help, completion and a slip of the hand need them all.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

_SEARCH, _RESULTS, _PARTS = "Search", "Results", "Parts of a search"
_COURSE, _DATABASE = "A study that is under way", "Whole databases"


@dataclass(frozen=True)
class Command:
    """A command, or a group of them."""

    name: str
    module: str
    function: str
    panel: str
    is_group: bool = False

    def load(self) -> Any:
        """The function, or the group's application."""
        return getattr(import_module(f"hpsearch.cli.{self.module}"), self.function)


COMMANDS = (
    Command("run", "run", "run", _SEARCH),
    Command("plan", "plan", "plan", _SEARCH),
    Command("list", "studies", "list_studies", _RESULTS),
    Command("show", "studies", "show", _RESULTS),
    Command("best", "studies", "best", _RESULTS),
    Command("report", "report", "report", _RESULTS),
    Command("finalists", "finalists", "finalists", _RESULTS),
    Command("train", "train", "train", _RESULTS),
    Command("replay", "replay", "replay", _RESULTS),
    Command("export", "bundles", "export", _RESULTS),
    Command("evaluate", "bundles", "evaluate", _RESULTS),
    Command("predict", "bundles", "predict", _RESULTS),
    Command("dashboard", "dashboard", "dashboard", _RESULTS),
    Command("track", "track", "track", _RESULTS),
    Command("status", "status", "status", _COURSE),
    Command("stop", "operations", "stop", _COURSE),
    Command("resume", "operations", "resume", _COURSE),
    Command("requeue", "operations", "requeue", _COURSE),
    Command("enqueue", "operations", "enqueue", _COURSE),
    Command("delete", "operations", "delete", _COURSE),
    Command("create", "create", "create", _PARTS),
    Command("worker", "worker", "worker", _PARTS),
    Command("launch", "launch", "launch", _PARTS),
    Command("data", "data", "app", _PARTS, is_group=True),
    Command("backup", "copies", "backup", _DATABASE),
    Command("restore", "copies", "restore", _DATABASE),
)
"""In the order in which help shows them."""


def choose_commands(typed: list[str]) -> tuple[Command, ...]:
    """The command that is typed, alone; all of them where none is."""
    return tuple(command for command in COMMANDS if typed[:1] == [command.name]) or COMMANDS

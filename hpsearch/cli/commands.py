"""Which command lies in which module: the one that is typed is imported, and no other.

Typer reads a command's options from its function, so that completion needs them all. The list of commands needs none.
"""

from collections.abc import Sequence
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
    summary: str
    """The first paragraph of its help: what stands in the list of all commands, for which none is imported."""
    is_group: bool = False

    def load(self) -> Any:
        """The function, or the group's application."""
        return getattr(import_module(f"hpsearch.cli.{self.module}"), self.function)


COMMANDS = (
    Command(
        "run",
        "run",
        "run",
        _SEARCH,
        "Find the best network that fits a weight budget, or a device.",
    ),
    Command(
        "plan",
        "plan",
        "plan",
        _SEARCH,
        "Show what a search would try and how long it would take; nothing is fetched, trained or stored.",
    ),
    Command(
        "list",
        "studies",
        "list_studies",
        _RESULTS,
        "List the studies of a database.",
    ),
    Command(
        "show",
        "studies",
        "show",
        _RESULTS,
        "Show the trials of a study, the best first; or one trial layer by layer.",
    ),
    Command(
        "best",
        "studies",
        "best",
        _RESULTS,
        "Show the best trial of a study: the highest validation accuracy of those that are complete.",
    ),
    Command(
        "report",
        "report",
        "report",
        _RESULTS,
        "Write a page on a study: the best network drawn, trials, curves, what mattered, what it gets wrong, "
        "finalists.",
    ),
    Command(
        "finalists",
        "finalists",
        "finalists",
        _RESULTS,
        "Train the best configurations of a search again, under fresh seeds, and say what is certain.",
    ),
    Command(
        "train",
        "train",
        "train",
        _RESULTS,
        "Train a configuration as it stands, or as you edited it, without a search.",
    ),
    Command(
        "replay",
        "replay",
        "replay",
        _RESULTS,
        "Train a stored trial again, and say whether it comes out the same.",
    ),
    Command(
        "export",
        "bundles",
        "export",
        _RESULTS,
        "Write trials as folders of files that run anywhere: safetensors, ONNX, configuration, model card. "
        "Verified first.",
    ),
    Command(
        "evaluate",
        "bundles",
        "evaluate",
        _RESULTS,
        "Measure an exported network: accuracy, loss, accuracy of each class. By default this opens the test split.",
    ),
    Command(
        "predict",
        "bundles",
        "predict",
        _RESULTS,
        "Say what is on images: for each file, or row of a table, the likeliest class and its probability.",
    ),
    Command(
        "dashboard",
        "dashboard",
        "dashboard",
        _RESULTS,
        "Show the studies of a database in a browser: curves, networks, figures of the best trials.",
    ),
    Command(
        "track",
        "track",
        "track",
        _RESULTS,
        "Show a study in TensorBoard or MLflow: every trial with its curve, its parameters and the objective.",
    ),
    Command(
        "status",
        "status",
        "status",
        _COURSE,
        "Show how a study is getting on: its workers, how fast it goes, how long it will take, the best so far.",
    ),
    Command(
        "stop",
        "operations",
        "stop",
        _COURSE,
        "Stop a study: no worker takes another trial, those that run are finished. Nothing is lost.",
    ),
    Command(
        "resume",
        "operations",
        "resume",
        _COURSE,
        "Let a stopped study go on, or let one grow; trials that failed are forgiven.",
    ),
    Command(
        "requeue",
        "operations",
        "requeue",
        _COURSE,
        "Put trials that failed back into the queue: the same networks, trained anew.",
    ),
    Command(
        "enqueue",
        "operations",
        "enqueue",
        _COURSE,
        "Put a known configuration into a study, before those that are still to be drawn.",
    ),
    Command(
        "delete",
        "operations",
        "delete",
        _COURSE,
        "Delete a study with all its trials, weights and scores.",
    ),
    Command(
        "create",
        "create",
        "create",
        _PARTS,
        "Make a study, without working on it: [bold]hpsearch worker[/] does that, anywhere and as often as you like.",
    ),
    Command(
        "worker",
        "worker",
        "worker",
        _PARTS,
        "Join a study and work on its trials until it is finished.",
    ),
    Command(
        "launch",
        "launch",
        "launch",
        _PARTS,
        "Have a scheduler start workers of a study, and come back at once.",
    ),
    Command(
        "data",
        "data",
        "app",
        _PARTS,
        "The data sets that are known by name, and bringing one here.",
        is_group=True,
    ),
    Command(
        "backup",
        "copies",
        "backup",
        _DATABASE,
        "Copy a whole database, also of a server, into a new SQLite file, also while workers work.",
    ),
    Command(
        "restore",
        "copies",
        "restore",
        _DATABASE,
        "Copy a backup into an empty database of a server: so studies move from a laptop to a room of machines.",
    ),
)
"""In the order in which help shows them."""


def choose_commands(typed: Sequence[str]) -> tuple[Command, ...]:
    """The command that is typed, alone; all of them where none is."""
    return tuple(command for command in COMMANDS if typed[:1] == [command.name]) or COMMANDS


def asks_for_none(typed: Sequence[str]) -> bool:
    """Whether no word is a command's: then a list of all of them is wanted, or a hint at which one was meant."""
    return not {command.name for command in COMMANDS} & set(typed)

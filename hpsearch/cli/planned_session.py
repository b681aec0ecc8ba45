"""`run` of a study file that says what to train: read it, have it trained, show what came of it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.cli.flags import StorageChoice
from hpsearch.cli.signals import Interrupts
from hpsearch.errors import InputError
from hpsearch.reporting.record_words import describe_counts
from hpsearch.sessions.planned import PlannedWork
from hpsearch.sessions.planned_study import PlannedResult, train_planned_study
from hpsearch.sessions.request import resolve_beside
from hpsearch.storable_text import write_out
from hpsearch.views.planned_table import describe_plan_summary, show_plan_summary
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.terminal import TerminalProgress

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.study.planned import PlannedStudy

_TAKEN = ("dataset", "name", "epochs", "seed")
"""The flags that may stand above a file that says what to train, by their names there."""
_FLAGS = {"name": "study"}
"""What is called otherwise on the command line."""


def read_planned_study(
    study_file: Path | None, flags: Mapping[str, Any], replicates: str | None = None
) -> "PlannedStudy | None":
    """The study of a file that says what to train, the flags above it; None of a search.

    Raises:
        InputError: The file or a flag is wrong, or they do not go together.
    """
    from hpsearch.study.file import read_study_text
    from hpsearch.study.plan_file import is_plan, parse_plan_file

    text = read_study_text(study_file) if study_file is not None else None
    if text is None or not is_plan(text.fields):
        if replicates is not None:
            raise InputError(
                "--replicates belongs to a study file that says what to train: of a search, hpsearch finalists STUDY "
                "--replicates N trains the best again"
            )
        return None
    for name, value in flags.items():
        if value is not None and name not in _TAKEN:
            hint = "; --replicates says how often each is trained" if name == "trials" else ""
            flag = f"--{name.replace('_', '-')}"
            raise InputError(
                f"{flag} belongs to a search, and {str(study_file)!r} says what to train: leave it out{hint}"
            )
    study = parse_plan_file(text)
    study = replace(study, dataset=resolve_beside(text.path, study.dataset))
    changes = _check_flags(flags, replicates)
    changed = study.change(**changes)
    origin = changed.origin.model_copy(update={"command": write_out(_write_command(text.path, study.name, changes))})
    return replace(changed, origin=origin)


def _write_command(study_file: Path, name: str, changes: Mapping[str, Any]) -> str:
    """What was typed, without folders that are of one machine alone; `name` is the study's in the file."""
    file = _shorten(study_file) if study_file.suffix == ".toml" else f"{name}.toml"
    words = ["hpsearch", "run", f"./{file}" if file.startswith("-") else file]
    for field, value in changes.items():
        if value is not None:
            words += [f"--{_FLAGS.get(field, field)}", _shorten(Path(value)) if field == "dataset" else str(value)]
    return shlex.join(words)


def _shorten(path: Path) -> str:
    """A path below the folder where it was typed, at most one folder deep; of another its last part."""
    is_near = not path.is_absolute() and ".." not in path.parts and len(path.parts) <= 2
    return path.as_posix() if is_near else path.name


def _check_flags(flags: Mapping[str, Any], replicates: str | None) -> dict[str, Any]:
    """The changes that flags ask for, each within its bounds."""
    from typing import get_type_hints

    from pydantic import TypeAdapter, ValidationError

    from hpsearch.cli.flags import read_number
    from hpsearch.study.plan_file import PlanFile
    from hpsearch.study.recipe import Epochs
    from hpsearch.study.study_name import check_study_name
    from hpsearch.study.trial_config import Seed
    from hpsearch.wording import describe_allowed, quote

    bounds = {"epochs": Epochs, "seed": Seed}
    bounds["replicates"] = get_type_hints(PlanFile, include_extras=True)["replicates"]
    numbers = {"epochs": flags.get("epochs"), "seed": flags.get("seed"), "replicates": read_number(replicates)}
    for flag, value in numbers.items():
        try:
            if value is not None:
                TypeAdapter(bounds[flag]).validate_python(value, strict=True)
        except ValidationError as error:
            allowed = describe_allowed(bounds[flag])
            raise InputError(f"--{flag} {quote(value)} is not allowed; give {allowed}") from error
    name = flags.get("name")
    return numbers | {"dataset": flags.get("dataset"), "name": None if name is None else check_study_name(name)}


@dataclass(frozen=True)
class PlannedSession:
    """One run of a study file that says what to train."""

    planned: "PlannedStudy"
    work: PlannedWork
    storage: StorageChoice
    command: str
    """What was typed."""
    quiet: bool
    as_json: bool

    def run(self, interrupts: Interrupts) -> int:
        """Train what is left, show what came of it, and give the exit code."""
        progress = TerminalProgress(None if self.quiet else open_console(stderr=self.as_json))
        result = train_planned_study(self.planned, self.work, progress, interrupts)
        if self.as_json:
            document = describe_plan_summary(result.summary)
            write_json(document | {"ending": result.ending, "run_seconds": result.seconds})
        else:
            self._show(open_console(), result)
        if result.ending == "interrupted":
            return interrupts.exit_code or 1
        return 1 if result.ending == "study-stopped" or not result.summary.record.counts["COMPLETE"] else 0

    def _show(self, console: "Console", result: PlannedResult) -> None:
        record = result.summary.record
        name = record.study.name
        show_plan_summary(console, result.summary, result.seconds)
        if not record.is_finished:
            state = f"{record.finished_count} of {record.trials_wanted} trainings are finished"
            console.print(f"\n{state} ({describe_counts(record)})", soft_wrap=True)
            if result.ending == "study-stopped":
                resume = self.storage.complete_command(f"hpsearch resume {name}")
                console.print(
                    f"The study was stopped ({record.course.stop_reason}); {resume} lets it go on", soft_wrap=True
                )
            console.print("The same command goes on where this stopped:")
            console.print(f"  {self.command}", style="bold cyan", soft_wrap=True)
            return
        commands = [f"hpsearch show {name}"]
        if record.best is not None:
            commands += [f"hpsearch show {name} --trial {record.best.number}", f"hpsearch export {name} --top 1"]
        console.print("\nNext")
        for command in commands:
            console.print(f"  {self.storage.complete_command(command)}", style="cyan", soft_wrap=True)

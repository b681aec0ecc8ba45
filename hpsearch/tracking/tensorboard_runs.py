"""Trials as TensorBoard shows them: a folder with one event file each, below that of the study.

FOLDER/STUDY/hpsearch.json                  says whose the folder is
FOLDER/STUDY/events.out.tfevents.*.hpsearch the columns of the HParams tab, and the objective
FOLDER/STUDY/trial-7/events.out...hpsearch  the trial: its curve, its row in that tab, its facts

A file is whole or absent. One that changed gets a new name, so that a TensorBoard that is looking drops what it had
read from the old one; but for its row in the HParams tab, which TensorBoard keeps until it starts anew. Files of others
are never touched.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from hpsearch.clock import Clock
from hpsearch.durable_file import sync_file, sync_folder, write_file
from hpsearch.errors import InputError
from hpsearch.output_folder import TRACKED
from hpsearch.tracking.packages import require_package
from hpsearch.tracking.tensorboard_events import encode_study, encode_trial, find_kinds
from hpsearch.tracking.tracked_trial import Outcome, TrackedStudy, TrackedTrial
from hpsearch.whole_number import read_whole_number

_HEAD, _ENDING = "events.out.tfevents.", ".hpsearch"
_READ = "tfevents"
"""TensorBoard reads every file with this in its name, so the name of a draft does not have it."""
_ELSEWHERE = "give another folder with --tensorboard"
_LOCK_SECONDS = 10


class TensorBoardRuns:
    """A study's folder for TensorBoard."""

    def __init__(self, folder: Path, study: TrackedStudy, clock: Clock) -> None:
        """Nothing is made yet.

        Args:
            folder: In which the study's folder is, or will be.
            study: The study.
            clock: Gives new files their names.

        Raises:
            InputError: TensorBoard is not installed.
        """
        require_package("tensorboard", what="--tensorboard")
        self.folder = folder / study.name
        self._study = study
        self._kinds = find_kinds(study)
        self._clock = clock
        self._is_begun = False

    def check(self, trials: Sequence[TrackedTrial]) -> None:
        """Find out before anything is made whether these trials can be written.

        Raises:
            InputError: There is a file in the folder's way, or what lies in it is not ours.
        """
        try:
            self._check_parent(self.folder.parent)
            if self.folder.exists():
                self._check_mark()
            for trial in trials:
                _check_is_ours(self.folder / trial.name)
        except OSError as error:
            raise self._refuse(error) from error

    def track(self, trial: TrackedTrial) -> Outcome:
        """Write a trial's event file, unless the one that is there says the same.

        Raises:
            InputError: It cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock", timeout=_LOCK_SECONDS):
                if not self._is_begun:
                    self._begin()
                return self._write(self.folder / trial.name, encode_trial(trial, self._kinds))
        except OSError as error:
            raise self._refuse(error) from error

    def _check_parent(self, parent: Path) -> None:
        nearest = next(path for path in (parent, *parent.parents, Path.cwd()) if path.exists())
        if not nearest.is_dir():
            raise InputError(f"{str(nearest)!r} is no folder: {_ELSEWHERE}, which is made if need be")

    def _check_mark(self) -> None:
        mark = self.folder / TRACKED
        if not any(path.name != ".lock" for path in self.folder.iterdir()):
            return
        found = _read_mark(mark) if mark.is_file() else {}
        if found.get("key") != self._study.key:
            what = "another study of that name" if found else "something that is not hpsearch's"
            raise InputError(f"{str(self.folder)!r} holds {what}: {_ELSEWHERE}")

    def _begin(self) -> None:
        """Say whose the folder is, then what its trials have in common."""
        mark = self.folder / TRACKED
        if not mark.exists():
            write_file(mark, (json.dumps({"study": self._study.name, "key": self._study.key}) + "\n").encode())
        self._write(self.folder, encode_study(self._study))
        self._is_begun = True

    def _write(self, folder: Path, content: bytes) -> Outcome:
        """Put one event file in the place of those of ours in a folder; at no moment is there none that is whole."""
        old = sorted(path for path in folder.iterdir() if _is_ours(path.name)) if folder.is_dir() else []
        if len(old) == 1 and old[0].read_bytes() == content:
            return "unchanged"
        draft = self.folder / f".{folder.name}.draft"
        try:
            draft.write_bytes(content)
            sync_file(draft)
            folder.mkdir(exist_ok=True)
            draft.replace(folder / self._choose_name(old))
        finally:
            draft.unlink(missing_ok=True)
        for path in old:
            path.unlink()
        sync_folder(folder)
        return "updated" if old else "added"

    def _choose_name(self, old: Sequence[Path]) -> str:
        """With the seconds since 1970, as TensorBoard does it, above those of the files that are there."""
        highest = max((_read_number(path.name) for path in old), default=0)
        return f"{_HEAD}{max(int(self._clock.now()), highest + 1):010d}{_ENDING}"

    def _refuse(self, error: OSError) -> InputError:
        return InputError(f"cannot write {str(self.folder)!r}: {error.strerror or error}; {_ELSEWHERE}")


def _check_is_ours(folder: Path) -> None:
    if not folder.exists():
        return
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    foreign = [folder / name for name in names if _READ in name and not _is_ours(name)]
    if foreign or not folder.is_dir():
        raise InputError(f"{str(foreign[0] if foreign else folder)!r} is not hpsearch's: {_ELSEWHERE}")


def _read_mark(mark: Path) -> dict[str, Any]:
    try:
        found = json.loads(mark.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_ours(name: str) -> bool:
    return name.startswith(_HEAD) and name.endswith(_ENDING) and _read_number(name) > 0


def _read_number(name: str) -> int:
    text = name.removeprefix(_HEAD).removesuffix(_ENDING)
    return read_whole_number(text) or 0

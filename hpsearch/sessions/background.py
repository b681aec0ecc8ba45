"""A search that goes on in a process of its own, whatever becomes of the process that asked for it.

`python -m hpsearch.sessions.background` is that process; what it is to do stands on its stdin.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO

from hpsearch.errors import HpsearchError
from hpsearch.sessions.hardware import Hardware

_TAIL_BYTES = 4000


class Background:
    """The process, as whoever started it sees it."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    @property
    def is_running(self) -> bool:
        """Whether it works still."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raises HpsearchError where it ended with an error."""
        if self._process.poll():
            self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = [line.strip() for line in self._errors.read().decode(errors="replace").splitlines()]
            said = next((line for line in reversed(lines) if line), f"exit code {self._process.returncode}")
            raise HpsearchError(f"the search ended: {said.removeprefix('error: ')}")


def launch_background(
    study: str, url: str, hardware: Hardware, cache_folder: Path, seconds: float | None
) -> Background:
    """Have a study that exists worked on until it is finished, or for so many seconds."""
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process is looked after
    process = subprocess.Popen(
        [sys.executable, "-m", "hpsearch.sessions.background"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
        env=dict(os.environ) | {"PYTHONSAFEPATH": "1"},
    )
    order = {"study": study, "url": url, "cache_folder": str(cache_folder), "seconds": seconds}
    assert process.stdin is not None
    process.stdin.write(json.dumps(order | {"hardware": asdict(hardware)}).encode())
    process.stdin.close()
    return Background(process, errors)


def main() -> int:
    """Work as stdin says; the exit code."""
    from hpsearch.sessions.session import Work
    from hpsearch.sessions.stopping import StopRequest
    from hpsearch.sessions.unheard import UnheardProgress
    from hpsearch.storage.database import Database
    from hpsearch.tuning.study import load_study

    order = json.loads(sys.stdin.read())
    seconds = order["seconds"]
    work = Work(
        order["url"],
        Hardware(**order["hardware"]),
        Path(order["cache_folder"]),
        None if seconds is None else time.monotonic() + seconds,
    )
    try:
        with Database.open(order["url"], check=False) as database:
            work.finish(load_study(database, order["study"]), UnheardProgress(), StopRequest())
    except HpsearchError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

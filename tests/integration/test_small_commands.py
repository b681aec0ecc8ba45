"""What the commands that only look at something import: how long that takes is the machine's affair."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.storage.database import Database
from tests.scripted import finish_trials, make_study

_IN_A_FRESH_PROCESS = """
import json, sys
from hpsearch.cli import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted({name for name in sys.modules})]), file=sys.stderr)
"""
HEAVY = ("torch", "torchvision", "scipy", "numpy", "optuna", "sqlalchemy", "alembic", "matplotlib", "pandas", "jinja2")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with a study, of which a trial is complete."""
    url = f"sqlite:///{tmp_path_factory.mktemp('small')}/studies.db"
    with Database.open(url, create=True) as database:
        finish_trials(make_study(database, "study"), 0.9, 0.8)
    return url


def look(*arguments: str) -> tuple[int, set[str]]:
    """The exit code, and which of the heavy packages were imported."""
    run = subprocess.run([sys.executable, "-c", _IN_A_FRESH_PROCESS, *arguments], capture_output=True, text=True)
    code, modules = json.loads(run.stderr.splitlines()[-1])
    return code, {name for name in HEAVY if name in modules}


@pytest.mark.slow
@pytest.mark.parametrize("command", [["list"], ["show", "study"], ["status", "study"], ["best", "study"]])
def test_looking_at_studies_in_a_file_imports_nothing_heavy(storage: str, command: list[str]) -> None:
    assert look(*command, "--storage", storage) == (0, set())


@pytest.mark.slow
def test_the_list_of_data_sets_imports_nothing_heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path))
    assert look("data", "list") == (0, set())


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["predict", "absent", "absent.png"],
        ["evaluate", "absent"],
        ["train", "absent"],
        ["run", "absent.toml"],
        ["plan", "absent.toml"],
        ["report", "study", "--storage", "sqlite:///absent.db"],
        ["export", "study", "--storage", "sqlite:///absent.db"],
    ],
)
def test_a_path_that_is_not_there_is_refused_before_torch_is_imported(command: list[str]) -> None:
    code, imported = look(*command)
    assert code in (2, 3)
    assert not imported & {"torch", "torchvision", "scipy", "optuna", "matplotlib"}

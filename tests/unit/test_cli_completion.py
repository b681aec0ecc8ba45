"""What TAB completes, and that help reads well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.cli import main
from hpsearch.cli.completion import complete_datasets, complete_pruners, complete_samplers
from hpsearch.storage.database import Database
from hpsearch.study.spec import StudySpec
from hpsearch.training.data.catalogue import CATALOGUE
from tests.scripted import make_study


def press_tab(words: str, **environment: str) -> list[str]:
    """What bash is offered for the last of the words."""
    given = {"_HPSEARCH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'hpsearch'; from hpsearch.cli import main; main()"]
    run = subprocess.run(command, env=os.environ | given | environment, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    return run.stdout.split()


@pytest.mark.slow
def test_tab_completes_the_names_of_studies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    with Database.open(url, create=True) as database:
        for name in ("fashion-mnist-cnn-10k", "fashion-mnist-fcn-10k", "other"):
            make_study(database, name)
    assert press_tab("hpsearch show fash", HPSEARCH_STORAGE=url) == ["fashion-mnist-cnn-10k", "fashion-mnist-fcn-10k"]
    assert press_tab("hpsearch show fash", HPSEARCH_STORAGE=f"sqlite:///{tmp_path}/absent.db") == []


@pytest.mark.slow
def test_tab_completes_families_and_samplers() -> None:
    assert press_tab("hpsearch run --arch f") == ["fcn", "fcn,cnn"]
    assert press_tab("hpsearch run --sampler ") == ["tpe", "random", "gp", "qmc", "grid"]


def test_what_is_completed_is_what_is_taken() -> None:
    assert tuple(complete_datasets("")) == tuple(CATALOGUE)
    for field, complete in (("sampler", complete_samplers), ("pruner", complete_pruners)):
        assert set(complete("")) == set(StudySpec.model_fields[field].annotation.__args__)  # type: ignore[union-attr]


@pytest.mark.parametrize("columns", ["80", "100", "160"])
@pytest.mark.parametrize("command", [[], ["run"], ["track"], ["finalists"], ["data", "fetch"]])
def test_help_shows_no_type_where_nothing_is_given_and_fits(
    command: list[str], columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main([*command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "<bool>" not in text
    assert "<str>" not in text
    assert max(map(len, text.splitlines())) <= int(columns)
    if command == ["track"]:
        assert "pip install 'hpsearch[tracking]'" in text

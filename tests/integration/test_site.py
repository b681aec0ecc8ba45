"""The site: it builds without a warning from what is installed, fetches nothing, and its first page works as typed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hpsearch
from tests.cli_runs import CommandRoom, write_tiny_archive

ROOT = Path(__file__).parents[2]
_FETCHED = re.compile(r"""(?:<link[^>]+href|<(?:script|img|iframe|source)[^>]+src)=["'](?:https?:)?//""")


def test_the_site_builds_without_a_warning_and_its_pages_fetch_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "docs", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert built.returncode == 0, built.stderr
    pages = {
        path.relative_to(tmp_path / "site").as_posix(): path.read_text() for path in (tmp_path / "site").rglob("*.html")
    }
    assert {"index.html", "python.html", "notebooks/is-the-difference-real.html"} <= pages.keys()
    assert [name for name, text in pages.items() if _FETCHED.search(text)] == []
    for name in ("search", "plan", "ladder", "train", "Study.finalists", "Bundle.predict"):
        assert f'id="hpsearch.{name}"' in pages["python.html"]
    assert "width_multiple" in pages["budgets-and-time.html"] or "width_multiple" in pages["meeting-a-budget.html"]
    assert "validation_fraction" in pages["study-file.html"]


@pytest.fixture
def room(room: CommandRoom) -> CommandRoom:
    write_tiny_archive(room.folder / "fashion-mnist.npz")
    return room


SMALL = {"--time 2m": "--trials 2 --epochs 1 --workers 1", 'time="2m"': "trials=2, epochs=1, workers=1"}
"""What a test makes of the page's settings; images of a few pixels take the place of the data set."""


@pytest.mark.usefixtures("forked_workers")
def test_getting_started_works_as_it_is_typed(room: CommandRoom) -> None:
    """First in the terminal, then in Python: there the same study is found finished, and nothing is added."""
    text = (ROOT / "docs" / "getting-started.md").read_text()
    for given, small in SMALL.items():
        assert given in text
        text = text.replace(given, small)
    for line in re.findall(r"^    hpsearch (.+)$", text, re.MULTILINE):
        words = shlex.split(line)
        if words[0] in ("plan", "run"):
            words += ["--dataset", "fashion-mnist.npz"]
        ended = room.type(*words)
        assert ended.code == 0, (line, ended.err)
    assert list(room.folder.glob("reports/*.html"))
    assert list(room.folder.glob("exports/*/model.safetensors"))
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(block.replace('"fashion-mnist"', '"fashion-mnist.npz"'), names)
    assert len(hpsearch.list_studies()) == 1
    assert (names["study"].is_finished, len(names["study"].trials), names["study"].test_openings) == (True, 2, 1)

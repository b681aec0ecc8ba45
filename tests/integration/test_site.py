"""The site: it builds without a warning from what is installed, fetches nothing, and its first page works as typed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hpsearch
from hpsearch.study.file import parse_study_spec, read_study_file
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


def list_blocks(page: Path, language: str) -> list[str]:
    """What a page has in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


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
    for block in list_blocks(ROOT / "docs" / "getting-started.md", "python"):
        for given, small in (SMALL | {'"fashion-mnist"': '"fashion-mnist.npz"'}).items():
            block = block.replace(given, small)
        exec(block, names)
    assert len(hpsearch.list_studies()) == 1
    assert (names["study"].is_finished, len(names["study"].trials), names["study"].test_openings) == (True, 2, 1)


PYTHON_PAGES = {
    "README.md": {'"20k"': '"2k"', '"fashion-mnist", time="30m"': '"fashion-mnist.npz", trials=1, epochs=1, workers=1'},
    "docs/own-images.md": {'"20k"': '"2k"', "trials=20, epochs=10": "trials=1, epochs=1, workers=1"},
    "docs/taking-a-network-away.md": {},
}
"""The other pages with Python, and what makes their settings those of a test; what they name is at hand."""


@pytest.mark.usefixtures("forked_workers")
def test_every_block_of_python_runs_as_it_stands(room: CommandRoom) -> None:
    """They are one story: a search, one on arrays, the network of the first taken away and loaded."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = {page.relative_to(ROOT).as_posix() for page in pages if list_blocks(page, "python")}
    assert found == {"docs/getting-started.md", *PYTHON_PAGES}
    with np.load(room.folder / "fashion-mnist.npz") as arrays:
        names: dict[str, Any] = {"hpsearch": hpsearch, "images": arrays["images"], "labels": arrays["labels"]}
    Image.fromarray(names["images"][0]).save(room.folder / "shoe.png")
    for page, settings in PYTHON_PAGES.items():
        for block in list_blocks(ROOT / page, "python"):
            for given, small in settings.items():
                assert given in block
                block = block.replace(given, small)
            exec(block.replace("exports/fashion-mnist-cnn-100k-trial-7", str(names.get("exported"))), names)
        if "study" in names and "exported" not in names:
            names["exported"] = names["study"].export()[0].path
    assert names["bundle"].predict("shoe.png").classes[0] in names["study"].dataset.class_names
    assert sum(weights.numel() for weights in names["network"].parameters()) <= 2000


def test_every_block_of_toml_is_a_study_file(tmp_path: Path) -> None:
    blocks = [
        block for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) for block in list_blocks(page, "toml")
    ]
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.toml"
        path.write_text(block)
        _name, spec = parse_study_spec(read_study_file(path))
        assert spec.budget == 20_000

"""The documents' links: each leads to a file that is there, and to a heading that it has."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "benchmarks/*.md", "studies/*.md", "docs/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def list_links(path: Path) -> list[str]:
    """What its links and pictures name, without addresses of the web."""
    links = _LINK.findall(_CODE.sub("", path.read_text()))
    return [unquote(link) for link in links if not link.startswith(("http://", "https://", "mailto:"))]


def list_anchors(path: Path) -> set[str]:
    """Its headings as a forge writes them into addresses."""
    headings = (heading.replace("`", "").strip().lower() for heading in _HEADING.findall(path.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    for link in list_links(document):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in list_anchors(target), link


def test_links_are_found_where_there_are_some() -> None:
    assert len(list_links(ROOT / "README.md")) > 5
    assert len(list_links(ROOT / "studies" / "README.md")) > 30

"""Pages that lie beside docs/ in the repository: benchmarks and study files are pages of the site, too."""

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
OUTSIDE = ("benchmarks", "studies")
_INTO = re.compile(r"\]\((?:\.\./)+(benchmarks|studies)/README\.md(#[\w-]+)?\)")
_TO_DOCS = re.compile(r"\]\(\.\./docs/")
_FILE = re.compile(r"\[([^\]]+)\]\(([\w.-]+\.(?:toml|json))\)")


def read(_app: Sphinx, name: str, source: list[str]) -> None:
    """Put such a page in its stub's place, and let links of other pages lead to the stub."""
    if name in OUTSIDE:
        text = _TO_DOCS.sub("](", (ROOT / name / "README.md").read_text())
        source[0] = _FILE.sub(lambda match: f"{{download}}`{match[1].strip('`')} <../{name}/{match[2]}>`", text)
    else:
        up = "../" * name.count("/")
        source[0] = _INTO.sub(lambda match: f"]({up}{match[1]}.md{match[2] or ''})", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}

"""Reading a report as a browser would, as far as tests ask; and pictures of one pixel, which are drawn in no time."""

import base64
from dataclasses import dataclass, field
from html.parser import HTMLParser

from hpsearch.reporting.document import Report
from hpsearch.reporting.html_page import render_html

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
"""A PNG file."""

_VOID = frozenset({"meta", "img", "br", "hr", "link", "input"})
_HEADINGS = ("h1", "h2", "h3", "h4")


@dataclass
class ReadTable:
    """A table by its caption."""

    caption: str = ""
    headings: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def column(self, heading: str) -> list[str]:
        """The cells under the only column of this heading."""
        (index,) = (position for position, each in enumerate(self.headings) if each == heading)
        return [row[index] for row in self.rows]


class ReadPage(HTMLParser):
    """A page with every tag closed where it was opened; asserts that it is."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.headings: list[str] = []
        self.tables: list[ReadTable] = []
        self.images: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.references: list[str] = []
        """Whatever a browser would fetch."""
        self.texts: list[str] = []
        self._open: list[str] = []
        self.source = page.decode()
        self.feed(self.source)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        """All text, a space between its pieces."""
        return " ".join(" ".join(self.texts).split())

    def table(self, caption: str) -> ReadTable:
        """The only table whose caption begins so."""
        (found,) = (table for table in self.tables if table.caption.startswith(caption))
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"] or "")
        self.references += [value or "" for name, value in attrs if name in ("src", "srcset", "poster", "data")]
        if tag == "link":
            self.references.append(given.get("href") or "")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag == "img":
            self.images.append(given)
        if tag == "table":
            self.tables.append(ReadTable())
        if tag == "tr" and "tbody" in self._open:
            self.tables[-1].rows.append([])
        if tag in _HEADINGS:
            self.headings.append("")
        if tag in ("td", "th"):
            (self.tables[-1].rows[-1] if "tbody" in self._open else self.tables[-1].headings).append("")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.texts.append(data)
        if "caption" in self._open:
            self.tables[-1].caption += data
        if self._open and self._open[-1] in _HEADINGS:
            self.headings[-1] += data
        if "td" in self._open or "th" in self._open:
            cells = self.tables[-1].rows[-1] if "tbody" in self._open else self.tables[-1].headings
            cells[-1] += data


def read_quickly(report: Report) -> ReadPage:
    """The page of a report whose pictures are not drawn."""
    return ReadPage(render_html(report, {picture.name: PIXEL for picture in report.list_pictures()}))

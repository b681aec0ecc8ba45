"""A report as one HTML page that needs nothing else: pictures and style are in it, and no script is."""

import base64
from collections.abc import Mapping

from hpsearch.output_folder import HTML_MARK
from hpsearch.reporting.document import Report


def render_html(report: Report, pictures: Mapping[str, bytes]) -> bytes:
    """The page.

    Args:
        report: What it says; all its text is escaped.
        pictures: A PNG file for each picture's name.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hpsearch.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    source, _path, _is_current = environment.loader.get_source(environment, "style.css")  # type: ignore[union-attr]
    page = environment.get_template("page.html").render(
        report=report,
        generator=HTML_MARK,
        style=source,
        pictures={name: _embed(content) for name, content in pictures.items()},
    )
    return page.encode()


def _embed(png: bytes) -> dict[str, str | int]:
    """A picture as a page holds it; its size stands at the head of the file."""
    width, height = (int.from_bytes(png[start : start + 4]) for start in (16, 20))
    return {"width": width, "height": height, "url": f"data:image/png;base64,{base64.b64encode(png).decode()}"}

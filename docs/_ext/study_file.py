"""A directive that lists what a study file may say, from its schema."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

SCHEMA = Path(__file__).parents[2] / "studies" / "study.schema.json"


class StudyFile(Directive):
    """`study-file Search` or `study-file Plan`: a row a field, with what it takes and its default."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        definition = json.loads(SCHEMA.read_text())["$defs"][self.arguments[0]]
        rows = [(name, field) for name, field in definition["properties"].items() if name != "version"]
        written = [(name, describe(field), write_default(field), field.get("description", "")) for name, field in rows]
        return [make_table(("field", "takes", "default", "what it says"), written)]


def describe(field: dict[str, Any]) -> str:
    """What a field takes, in words."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(describe(each) for each in field["anyOf"]))
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    match field.get("type"):
        case "integer" | "number":
            kind = "a whole number" if field["type"] == "integer" else "a number"
            low = field.get("minimum", field.get("exclusiveMinimum"))
            return kind if low is None else f"{kind} from {low}"
        case "array":
            return "a list"
        case "boolean":
            return "true or false"
        case "string":
            return "text"
    return "a table"


def write_default(field: dict[str, Any]) -> str:
    """The default as TOML has it."""
    default = field.get("default")
    return "" if default in (None, {}) else json.dumps(default)


def make_table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> nodes.table:
    """A table; the first column is code."""
    group = nodes.tgroup(cols=len(heads))
    for _head in heads:
        group += nodes.colspec(colwidth=1)
    head, body = nodes.thead(), nodes.tbody()
    head += make_row([nodes.Text(text) for text in heads])
    for first, *rest in rows:
        body += make_row([nodes.literal(text=first), *(nodes.Text(text) for text in rest)])
    group += head
    group += body
    table = nodes.table()
    table += group
    return table


def make_row(cells: list[nodes.Node]) -> nodes.row:
    """A row."""
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        paragraph = nodes.paragraph()
        paragraph += cell
        entry += paragraph
        row += entry
    return row


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_directive("study-file", StudyFile)
    return {"parallel_read_safe": True}

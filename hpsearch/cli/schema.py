"""The JSON schema of study files, for editors: `python -m hpsearch.cli.schema > studies/study.schema.json`.

Made from the models that read such files; a test compares. Editors with Taplo (Even Better TOML) take it from a file's
first line, `#:schema ./study.schema.json`.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.study.origin import PrintedFigures, Source
from hpsearch.study.parameters import PARAMETER_TYPES
from hpsearch.study.plan_file import PLAIN, REQUIRED, PlanFile
from hpsearch.study.recipe import Recipe
from hpsearch.study.round_plan import Round
from hpsearch.study.spec import StudySpec
from hpsearch.views.screen import write_line

Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
_MODELS: tuple[type[BaseModel], ...] = (Source, PrintedFigures, Pool, CnnStage, Round)
"""The models that others hold."""
_BUDGET: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^\s*\d[\d_]*(\.\d+)?([eE]\d{1,2})?[kKmM]?\s*$"},
    ],
    "description": 'The most weights that a network may have: "100k", 100_000, "0.1m".',
}
_SIZES: list[Schema] = [
    {"type": "integer", "minimum": 1},
    {"type": "string", "pattern": r"^\s*\d[\d_]*(\.\d+)?([eE]\d{1,2})? ?[kKmM]?([iI]?[bB])?\s*$"},
]
"""What RAM, flash and operations are written as: "64k", 65_536, "0.5m"."""
_TIME: Schema = {
    "type": "string",
    "pattern": r"^\s*"
    + "".join(rf"(\d+(\.\d+)?\s?{unit}\s*)?" for unit in ("[dD]", "[hH]", "[mM]([iI][nN])?", "[sS]"))
    + "$",
    "minLength": 2,
    "description": 'How long the search is to take: "15m", "1h30m"; in place of trials and epochs.',
}
_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "description": "The study's name."}
_TABLES = ("architecture", "recipe", "sweep", "variant")


def build_schema() -> Schema:
    """The schema of both kinds of study file; a file that says what to train has one of four tables."""
    definitions: Schema = {}
    for model in _MODELS:
        definitions |= _describe_model(model)
    return {
        "$schema": _DIALECT,
        "title": "hpsearch study file",
        "type": "object",
        "if": {"anyOf": [{"required": [table]} for table in _TABLES]},
        "then": {"$ref": "#/$defs/Plan"},
        "else": {"$ref": "#/$defs/Search"},
        "$defs": {"Search": _describe_search(), "Plan": _describe_plan(), **definitions},
    }


def _describe_search() -> Schema:
    properties = _list_properties(StudySpec)
    budgets = {"type": "array", "items": {"anyOf": _BUDGET["anyOf"]}, "minItems": 1}
    properties["budget"] = {**_BUDGET, "anyOf": [*_BUDGET["anyOf"], budgets]}
    for limit in ("ram", "flash", "macs"):
        several = {"type": "array", "items": {"anyOf": _SIZES}, "minItems": 1}
        properties[limit] = {"anyOf": [*_SIZES, several], "description": properties[limit]["description"]}
    properties["time"] = _TIME
    properties["round_plan"] = {
        "type": "array",
        "description": "Rounds of trials, in place of time, trials and epochs: each trains the best of the one before.",
        "items": {"$ref": "#/$defs/Round"},
        "minItems": 1,
    }
    properties["space"] = _make_table(
        "What is searched, where it is not the default: a value, a list, or low and high (and log).",
        {
            name: _describe_parameter(annotation)
            for types in PARAMETER_TYPES.values()
            for name, annotation in types.items()
        },
    )
    description = "A search: a budget, and the space from which networks and recipes are drawn."
    return _make_table(description, {"name": _NAME, **properties})


def _describe_parameter(annotation: Any) -> Schema:
    value = TypeAdapter(annotation).json_schema()
    forms = [value, {"type": "array", "items": value, "minItems": 1}]
    if any(form.get("type") in ("integer", "number") for form in value.get("anyOf", [value])):
        bounds: Schema = {"low": {"type": "number"}, "high": {"type": "number"}, "log": {"type": "boolean"}}
        forms.append(
            {"type": "object", "properties": bounds, "required": ["low", "high"], "additionalProperties": False}
        )
    return {"anyOf": forms}


def _describe_plan() -> Schema:
    recipe = _list_properties(Recipe)
    architecture = _list_properties(CnnArchitecture) | _list_properties(FcnArchitecture)
    architecture["arch"] = {"enum": ["fcn", "cnn"], "description": "As widths or stages tell anyway."}
    for table in (recipe, architecture):
        for name, schema in table.items():
            if name in REQUIRED:
                schema.pop("default", None)
            elif name in PLAIN:
                schema["default"] = PLAIN[name]
    values = {name: schema for name, schema in (architecture | recipe).items() if name != "arch"}
    label: Schema = {"type": "string", "minLength": 1, "maxLength": 80, "description": "What tables call it."}
    properties = _list_properties(PlanFile)
    properties |= {"name": _NAME, "budget": _BUDGET}
    properties["architecture"] = _make_table("A network, exactly.", architecture)
    properties["recipe"] = _make_table("How it is trained; what is not said is not done.", recipe)
    properties["sweep"] = _make_table(
        "Values to compare: each of a list with each of every other list, and with each variant.",
        {name: {"type": "array", "items": schema, "minItems": 1} for name, schema in values.items()},
    )
    properties["variant"] = {
        "type": "array",
        "description": "Trainings that have a name, with what is theirs alone.",
        "items": _make_table("A training.", {"label": label, "budget": _BUDGET, **values}) | {"required": ["label"]},
    }
    return _make_table("What to train: networks and recipes, each under several seeds.", properties)


def _make_table(description: str, properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
    }


def _list_properties(model: type[BaseModel]) -> Schema:
    properties: Schema = _describe_model(model)[model.__name__]["properties"]
    return properties


def _describe_model(model: type[BaseModel]) -> Schema:
    """Its schema by its name, with what the source says below each field."""
    schema = model.model_json_schema()
    schema.pop("$defs", None)
    words = _read_descriptions(model)
    for name, field in schema["properties"].items():
        field.pop("title", None)
        _drop_null(field)
        if name in words:
            field["description"] = words[name]
    schema["description"] = " ".join((model.__doc__ or "").split())
    return {model.__name__: schema}


def _drop_null(field: Schema) -> None:
    """TOML has no null: what may be left out is left out."""
    forms = [form for form in field.get("anyOf", []) if form != {"type": "null"}]
    if len(forms) < len(field.get("anyOf", [])):
        field.pop("anyOf")
        field.update(forms[0] if len(forms) == 1 else {"anyOf": forms})
        if field.get("default", "") is None:
            del field["default"]


def _read_descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The strings that stand below fields in the source of a model and of those that it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, BaseModel) or each is BaseModel:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(definition, ast.ClassDef)
        for field, below in zip(definition.body, definition.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def write_schema() -> str:
    """The whole file."""
    return json.dumps(build_schema(), indent=1, ensure_ascii=False)


if __name__ == "__main__":
    write_line(write_schema())

"""The JSON schema of study files: what editors are told is what hpsearch takes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from hpsearch.cli.schema import build_schema, write_schema

STUDIES = Path(__file__).parents[2] / "studies"
FILES = sorted(STUDIES.glob("*.toml"))
VALIDATOR = Draft7Validator(build_schema())


def validate(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def test_the_schema_beside_the_studies_is_what_the_models_say() -> None:
    said = (STUDIES / "study.schema.json").read_text()
    assert said == write_schema() + "\n", "run: python -m hpsearch.cli.schema > studies/study.schema.json"
    Draft7Validator.check_schema(json.loads(said))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_study_file_names_the_schema_and_is_valid(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("#:schema ./study.schema.json\n")
    assert validate(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('arch = "fcn"\nbudget = "10k"\ntrails = 3', "'trails' was unexpected"),
        ('arch = "fnc"', "'fnc' is not one of ['fcn', 'cnn']"),
        ('budget = "10x"', "'10x' is not valid under any of the given schemas"),
        ("[space]\nlrr = 1", "'lrr' was unexpected"),
        ('time = "2 parsecs"', "'2 parsecs' does not match"),
        ("round_plan = [{trials = 1}]", "'epochs' is a required property"),
        ("[space]\nlr = {low = 1}", "is not valid under any of the given schemas"),
        ("[recipe]\nlr = 0", "0 is less than or equal to the minimum of 0"),
        ("[recipe]\nrate = 1", "'rate' was unexpected"),
        ("[recipe]\nlr = 1\n[space]\nlr = 1", "'space' was unexpected"),
        ("[architecture]\nwidths = [0]", "0 is less than the minimum of 1"),
        ("[architecture]\nstages = [{channels = [1], kernels = 5}]", "'kernels' was unexpected"),
        ("[sweep]\nlr = 0.1", "0.1 is not of type 'array'"),
        ("[sweep]\nlr = []", "[] should be non-empty"),
        ("[[variant]]\nlr = 0.1", "'label' is a required property"),
        ("[recipe]\n[printed]\na = {test = 1}", "'test' was unexpected"),
    ],
)
def test_what_hpsearch_refuses_an_editor_marks(text: str, said: str) -> None:
    (message,) = validate(text)
    assert said in message


def test_limits_are_written_in_a_file_as_on_the_command_line() -> None:
    assert validate('arch = "cnn"\nram = "64k"\nflash = ["64k", 131072]\nmacs = "2m"') == []
    assert validate('arch = "cnn"\nram = "64 KiB"') == []
    (message,) = validate('arch = "cnn"\nram = "64x"')
    assert "'64x' is not valid" in message


def test_the_schema_says_of_each_key_what_it_means() -> None:
    definitions = build_schema()["$defs"]
    plan, search = definitions["Plan"]["properties"], definitions["Search"]["properties"]
    assert plan["recipe"]["properties"]["lr"]["description"] == "The peak of the schedule."
    assert plan["recipe"]["properties"]["schedule"]["default"] == "constant"
    assert plan["architecture"]["properties"]["batch_norm"]["default"] is False
    assert "default" not in plan["recipe"]["properties"]["optimizer"]
    assert "held out" in plan["validation_images"]["description"]
    assert "catalogue" in search["dataset"]["description"]
    assert "±" in definitions["PrintedFigures"]["properties"]["test_spread_percent"]["description"]
    assert '"type": "null"' not in json.dumps([plan, search])


def test_the_schema_has_the_keys_of_the_models_and_no_others() -> None:
    from hpsearch.study.plan_file import PlanFile
    from hpsearch.study.spec import StudySpec

    definitions: dict[str, Any] = build_schema()["$defs"]
    assert set(definitions["Search"]["properties"]) == {"name", *StudySpec.model_fields}
    assert set(definitions["Plan"]["properties"]) == set(PlanFile.model_fields)

"""A space that was stored before some parameters were there means what it meant."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hpsearch.network.architecture import CnnArchitecture
from hpsearch.network.shape import CnnShape
from hpsearch.storage.database import Database
from hpsearch.study.file import parse_study_spec
from hpsearch.study.older_spaces import complete_space
from hpsearch.study.parameters import build_shape
from hpsearch.study.search_space import Choices, Value
from hpsearch.study.spec import StudySpec
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.study import load_study
from tests.draws import draw_parameters
from tests.scripted import make_study

ABSENT = {"portfolio", "time", "round_plan", "teacher", "ram", "flash", "macs", "target", "int8", "image_size", "grey"}
"""What older specs did not have."""
ADDED = ("blocks_last", "pool_place", "width_multiple")
LEGACY: dict[str, Value] = {"blocks_last": "same", "pool_place": "last", "width_multiple": 1}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as opened:
        yield opened


def _drop_added(space: dict[str, Any]) -> dict[str, Any]:
    distributions = {name: each for name, each in space["distributions"].items() if name not in ADDED}
    return {"distributions": distributions}


def _write_older(spec: StudySpec) -> dict[str, Any]:
    document = spec.model_dump(mode="json", exclude=ABSENT)
    return document | {"space": _drop_added(document["space"])}


def test_an_older_cnn_space_has_what_was_fixed_then() -> None:
    _name, spec = parse_study_spec({"budget": "10k", "arch": "cnn", "space": {"blocks": 2, "stages": 3}})
    older = _write_older(spec)
    read = StudySpec.model_validate(older)
    assert {name: read.space.distributions[name] for name in ADDED} == {
        name: Choices(values=(value,)) for name, value in LEGACY.items()
    }
    shape = build_shape("cnn", draw_parameters(read.space, Random(0)))
    assert isinstance(shape, CnnShape)
    assert [stage.blocks for stage in shape.stages] == [1, 2, 2]
    assert {stage.pool_place for stage in shape.stages} == {"last"}
    assert shape.width_multiple == 1


def test_an_older_spec_is_read_as_one_that_says_what_was_fixed_then() -> None:
    _name, spec = parse_study_spec({"budget": "10k", "arch": "cnn", "trials": 16, "portfolio": False})
    read = StudySpec.model_validate({"portfolio": False} | _write_older(spec))
    said = parse_study_spec({"budget": "10k", "arch": "cnn", "trials": 16, "portfolio": False, "space": LEGACY})[1]
    assert said == read != spec


def test_what_is_no_cnn_space_is_left_as_it_is() -> None:
    _name, spec = parse_study_spec({"budget": "10k", "arch": "fcn"})
    document = spec.space.model_dump(mode="json")
    assert complete_space("fcn", document) == document
    assert complete_space("cnn", {"distributions": 5}) == {"distributions": 5}
    newer = parse_study_spec({"budget": "10k", "arch": "cnn"})[1].space.model_dump(mode="json")
    assert complete_space("cnn", newer) == newer


def test_a_stored_study_of_an_older_space_opens_joins_and_draws_the_networks_that_it_did(database: Database) -> None:
    chosen: dict[str, Any] = {"arch": "cnn", "budget": "5k", "space": LEGACY | {"blocks": 2, "block": "residual"}}
    made = make_study(database, **chosen)
    storage = database.optuna_storage
    attributes = storage.get_study_user_attrs(made.study_id)
    spec = attributes["hpsearch:spec"] | {"space": _drop_added(attributes["hpsearch:spec"]["space"])}
    storage.set_study_user_attr(made.study_id, "hpsearch:spec", spec)
    storage.set_study_user_attr(made.study_id, "hpsearch:space", _drop_added(attributes["hpsearch:space"]))
    assert load_study(database, "study") == made
    assert make_study(database, **chosen) == made
    trial = TrialQueue(load_study(database, "study"), "worker", "cpu").claim()
    assert isinstance(trial, ClaimedTrial)
    architecture = trial.config.architecture
    assert isinstance(architecture, CnnArchitecture)
    assert [len(stage.channels) for stage in architecture.stages] == [1, 2, 2]
    assert "pool_place" not in trial.config.model_dump_json()

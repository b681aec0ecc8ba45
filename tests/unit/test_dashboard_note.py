"""The note of a study."""

import json
from pathlib import Path

from optuna_dashboard._note import get_note_from_system_attrs

from hpsearch.dataset import DatasetIdentity
from hpsearch.storage.database import Database
from hpsearch.study.file import parse_study_spec
from hpsearch.study.trial_plan import plan_replicates
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.note import build_note_attributes, write_note
from tests.scripted import TINY_DATASET
from tests.tiny_training import tiny_config


def make_note(dataset: DatasetIdentity = TINY_DATASET, **fields: object) -> str:
    given = {"dataset": "tiny", "arch": "cnn", "budget": "20k", "trials": 30, "epochs": 7}
    name, spec = parse_study_spec(given | fields)
    return write_note(name, spec, dataset, spec.space)


def test_a_note_says_what_is_searched_and_what_to_type() -> None:
    note = make_note()
    for words in (
        "convolutional networks of **at most 20,000 weights** for `tiny`: 3 classes, images of 1x8x8",
        "30 trials of 7 epochs, drawn by `tpe`, stopped early by `median`",
        "`hpsearch best tiny-cnn-20k`",
        "`hpsearch export tiny-cnn-20k`",
        "`hpsearch status tiny-cnn-20k`",
        "no test score is shown here",
        "| `lr` |",
    ):
        assert words in note, words


def test_a_note_says_how_many_trials_are_not_drawn(tmp_path: Path) -> None:
    given = {"name": "study", "dataset": "tiny", "arch": "fcn", "budget": "2k", "trials": 6, "epochs": 3}
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        for portfolio, words in ((True, "the first 3 given, the others drawn by `tpe`"), (False, "drawn by `tpe`")):
            name, spec = parse_study_spec(given | {"name": f"study-{portfolio}", "portfolio": portfolio})
            study = create_or_join_study(database, name, spec, TINY_DATASET)
            attributes = database.optuna_storage.get_study_system_attrs(study.study_id)
            note = get_note_from_system_attrs(attributes, None)["body"]
            assert f"6 trials of 3 epochs, {words}, stopped early" in note


def test_what_is_fixed_stands_apart_from_what_is_searched() -> None:
    note = make_note(space={"optimizer": "sgd", "kernel": [3, 5]}, pruner="none")
    fixed = next(line for line in note.splitlines() if line.startswith("Fixed: "))
    assert "`optimizer` `sgd`" in fixed
    assert "`kernel`" not in fixed
    assert "| `kernel` | `3 \\| 5` |" in note
    assert "never stopped early" in note


def test_a_planned_study_says_what_it_trains_and_what_its_objective_is() -> None:
    name, spec = parse_study_spec({"dataset": "tiny", "arch": "fcn", "budget": "20k", "pruner": "none"})
    configs = {f"trial {number}": tiny_config() for number in range(7)}
    for trains_on, objective in (("train", "validation accuracy"), ("train+validation", "training loss")):
        plan = plan_replicates(configs, 2, search="s", trains_on=trains_on)
        note = write_note(name, spec, TINY_DATASET, spec.space, plan)
        assert "Trains `trial 0`, `trial 1`, `trial 2`, `trial 3`, `trial 4`, 2 more of the study `s`: fully" in note
        assert f"the objective is the **{objective}**" in note
        assert "| searched |" not in note
        assert build_note_attributes(note, plan)["study:metric_names"] == [objective]


def test_a_path_with_markdown_in_it_stays_as_it_is() -> None:
    note = make_note(TINY_DATASET.model_copy(update={"name": "a`<script>|\n# x"}))
    assert "`a'<script>\\| # x`" in note


def test_a_long_note_is_kept_in_pieces_as_the_dashboard_reads_it() -> None:
    _, spec = parse_study_spec({"dataset": "tiny", "arch": "cnn", "budget": "20k"})
    dataset = TINY_DATASET.model_copy(update={"name": "x" * 5000})
    note = write_note("study", spec, dataset, spec.space)
    attributes = build_note_attributes(note)
    assert all(len(json.dumps(value)) < 4096 for value in attributes.values())
    found = get_note_from_system_attrs(attributes, None)
    assert found == {"version": 1, "body": note}

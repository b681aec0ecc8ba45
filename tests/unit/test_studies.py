"""The files of studies/: each loads, runs for an epoch on a slice, and is reported beside what was printed."""

import io
import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from hpsearch.cli.planned_session import read_planned_study
from hpsearch.dataset import DatasetIdentity
from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.storage.database import Database
from hpsearch.study.file import StudyText, parse_study_spec, read_study_text
from hpsearch.study.plan_file import PlanFile, is_plan, parse_plan_file
from hpsearch.study.recipe import Recipe
from hpsearch.study.spec import StudySpec
from hpsearch.study.trial_plan import TrialPlan
from hpsearch.training.data import SearchSplits, describe_dataset, load_search_splits
from hpsearch.training.loop import TrainingSession
from hpsearch.tuning.claims import ClaimedTrial, TrialQueue
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.plan_summary import summarize_plan
from hpsearch.tuning.records import StudyRecord, read_study_record, store_test_score
from hpsearch.tuning.study import Study
from hpsearch.views.planned_table import describe_plan_summary, show_plan_summary

STUDIES = Path(__file__).parents[2] / "studies"
FILES = {path.stem: path for path in sorted(STUDIES.glob("*.toml"))}
TEXTS = {name: read_study_text(path) for name, path in FILES.items()}
PLANS = {name: parse_plan_file(text) for name, text in TEXTS.items() if is_plan(text.fields)}
SEARCHES = {name: text for name, text in TEXTS.items() if name not in PLANS}
FASHION_MNIST = DatasetIdentity(
    name="fashion-mnist",
    sha256="0" * 64,
    input_shape=(1, 28, 28),  # type: ignore[arg-type]
    class_names=tuple("abcdefghij"),
    train_count=60_000,
    test_count=10_000,
)

torch.set_num_threads(1)


def test_a_page_can_say_what_was_typed_and_nothing_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(STUDIES.parent)
    file = Path("studies/000-mnist.toml")

    def read_command(path: Path, replicates: str | None = None, **flags: Any) -> str | None:
        study = read_planned_study(path, flags, replicates)
        assert study is not None
        return study.origin.command

    assert read_command(file) == "hpsearch run studies/000-mnist.toml"
    assert read_command(STUDIES / file.name) == "hpsearch run 000-mnist.toml"
    assert read_command(Path("docs/../studies/000-mnist.toml")) == "hpsearch run 000-mnist.toml"
    deep = tmp_path / "home" / "jane" / "mine.toml"
    deep.parent.mkdir(parents=True)
    deep.write_text(file.read_text())
    monkeypatch.chdir(tmp_path)
    assert read_command(Path("home/jane/mine.toml")) == "hpsearch run mine.toml"
    (tmp_path / "stdin").write_text(deep.read_text())
    assert read_command(Path("stdin")) == "hpsearch run stdin.toml"
    Path("-mine.toml").write_text(f'name = "mine"\n{deep.read_text()}')
    assert read_command(Path("-mine.toml")) == "hpsearch run ./-mine.toml"
    monkeypatch.chdir(STUDIES.parent)
    assert read_command(file, dataset="letters/small") == "hpsearch run studies/000-mnist.toml --dataset letters/small"
    changed = read_command(file, "2", epochs=1, dataset="/home/somebody/letters", name="mine")
    assert changed == "hpsearch run studies/000-mnist.toml --epochs 1 --replicates 2 --dataset letters --study mine"


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_named_as_its_file_and_says_whose_question_it_asks(name: str) -> None:
    study = PLANS[name]
    assert study.name == name
    assert study.origin.title is not None
    assert study.origin.source is not None
    assert study.origin.source.report[:3] == name[:3] or name.startswith("example")
    assert f"hpsearch run studies/{name}.toml" in TEXTS[name].text
    plan = study.make_plan(FASHION_MNIST)
    assert len(plan.trials) == len(study.trainings) * study.replicates
    assert study.make_spec(plan).trials == len(plan.trials)


def spec_of(text: StudyText) -> StudySpec:
    """Of a search file; of several budgets the smallest."""
    fields = text.fields
    if isinstance(fields["budget"], list):
        fields = fields | {"budget": fields["budget"][0]}
    return parse_study_spec(fields)[1]


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_is_one(name: str) -> None:
    assert spec_of(SEARCHES[name]).dataset == "fashion-mnist"
    assert f"hpsearch run studies/{name}.toml" in SEARCHES[name].text


def test_every_report_has_its_studies() -> None:
    assert {name[:3] for name in FILES} >= {"000", "001", "002", "003", "004"}
    asked = {
        "000": {"baseline", "optimizer-learning-rate", "dropout", "initialization", "mnist", "over-90"},
        "001": {"baseline", "optimizer-learning-rate", "dropout", "kaiming-batch-norm"},
        "002": {
            *("fcn-baseline-final", "fcn-activations", "fcn-optimizers", "fcn-regularization", "fcn-depth-width"),
            *("fcn-learning-rate", "cnn-first-and-final", "cnn-pooling-activation"),
        },
        "003": {
            *("baseline", "optimizers", "adam-learning-rate", "dropout", "initialization-batch-norm"),
            *("four-layers-fashion-mnist", "four-layers-mnist"),
        },
        "004": {"fcn-budgets", "fcn-without-dropout", "cnn-budgets", "fcn-searched", "cnn-searched"},
    }
    for report, questions in asked.items():
        assert {name[4:] for name in FILES if name.startswith(report)} == questions
    assert {"quick", "example-search", "example-plan"} <= FILES.keys()


def test_the_list_of_studies_has_every_one() -> None:
    page = (STUDIES / "README.md").read_text()
    assert [name for name in FILES if f"[{name}.toml]({name}.toml)" not in page] == []
    assert page.count(".toml](") == len(FILES)


def test_the_networks_of_report_004_hold_what_it_prints() -> None:
    """Its counts of fully connected networks leave out the last layer, those of the others count everything."""
    for name in ("004-fcn-budgets", "004-cnn-budgets"):
        study = PLANS[name]
        for training in study.trainings:
            layers = list(training.architecture.walk_layers(FASHION_MNIST.input_shape, 10))
            counted = layers if isinstance(training.architecture, CnnArchitecture) else layers[:-1]
            assert sum(layer.weights for layer in counted) == study.origin.printed[training.label].weights
    printed = [figures.weights for figures in PLANS["004-fcn-budgets"].origin.printed.values()]
    assert printed == [49_255, 99_898, 199_859]
    notes = [figures.note or "" for figures in PLANS["004-fcn-budgets"].origin.printed.values()]
    left_out = [(training.architecture.widths[-1] + 1) * 10 for training in _list_fcn()]
    assert [f"{count:,} weights" in note for count, note in zip(left_out, notes, strict=True)] == [True] * 3
    hand_made = {
        "fcn": [training.architecture.count_weights(FASHION_MNIST.input_shape, 10) for training in _list_fcn()],
        "cnn": [figures.weights for figures in PLANS["004-cnn-budgets"].origin.printed.values()],
    }
    for arch, weights in hand_made.items():
        assert SEARCHES[f"004-{arch}-searched"].fields["budget"] == weights
    baseline = PLANS["000-baseline"].trainings[0].architecture
    assert SEARCHES["000-over-90"].fields["budget"] == baseline.count_weights(FASHION_MNIST.input_shape, 10)


def _list_fcn() -> Iterator[Any]:
    for training in PLANS["004-fcn-budgets"].trainings:
        assert isinstance(training.architecture, FcnArchitecture)
        yield training


def test_a_printed_confusion_matrix_has_a_thousand_images_a_class_and_the_printed_accuracy() -> None:
    found = 0
    for study in PLANS.values():
        for figures in study.origin.printed.values():
            if figures.confusion is None or figures.test_percent is None:
                continue
            found += 1
            assert [sum(row) for row in figures.confusion] == [1000] * 10
            assert sum(figures.confusion[label][label] for label in range(10)) == round(100 * figures.test_percent)
    assert found == 2


def test_the_splits_of_report_002_are_its_own() -> None:
    for name, study in PLANS.items():
        fraction = study.make_plan(FASHION_MNIST).trials[0].config.validation_fraction
        assert round(60_000 * fraction) == (5_000 if name.startswith("002") else 6_000)


def test_the_examples_show_every_key_of_their_formats() -> None:
    search, plan = TEXTS["example-search"], TEXTS["example-plan"]
    own_images = ("image_size", "grey")
    device = ("ram", "flash", "macs", "target", "int8")
    shown_in_comments = {"time", "round_plan", "teacher", *own_images, *device}
    assert set(search.fields) == {"name", *StudySpec.model_fields} - {"version"} - shown_in_comments
    for key in ("time", "round_plan", *device):  # the first two in place of trials, epochs and pruner
        (line,) = (line for line in search.text.splitlines() if line.startswith(f"#   {key} = "))
        assert tomllib.loads(line.removeprefix("#"))[key]
    assert '\n# teacher = "' in search.text  # there is none to name
    assert set(plan.fields) == set(PlanFile.model_fields) - {"version", "validation_fraction", *own_images}
    assert all(f"# {key} = " in plan.text for key in own_images)
    assert "validation_fraction" in plan.text
    shown = {key for table in (plan.fields["recipe"], plan.fields["sweep"]) for key in table}
    assert shown | {"l1"} == set(Recipe.model_fields)
    assert "l1 = " in plan.text
    space = search.fields["space"].values()
    assert {type(value) for value in space} == {bool, list, dict}
    assert {frozenset(value) for value in space if isinstance(value, dict)} == {
        frozenset({"low", "high"}),
        frozenset({"low", "high", "log"}),
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """72 images of 28x28 in ten classes: 60 to search with, 12 to test."""
    path = tmp_path_factory.mktemp("studies") / "slice.npz"
    labels = np.arange(72) % 10
    images = np.random.default_rng(0).integers(0, 60, (72, 28, 28)) + 19 * labels[:, None, None]
    np.savez(path, images=images.astype(np.uint8), labels=labels)
    return path


@pytest.fixture(scope="module")
def splits(archive: Path) -> SearchSplits:
    return load_search_splits(str(archive), archive.parent)


@pytest.fixture(scope="module")
def database(archive: Path) -> Iterator[Database]:
    with Database.open(f"sqlite:///{archive.parent / 'studies.db'}", create=True) as database:
        yield database


def train(study: Study, splits: SearchSplits, *, trials: int) -> StudyRecord:
    """Train the first trials as a worker does, and give each a test score."""
    queue = TrialQueue(study, "worker", "cpu")
    for _ in range(trials):
        trial = queue.claim()
        assert isinstance(trial, ClaimedTrial)
        session = TrainingSession(trial.config, splits, torch.device("cpu"))
        for result in session.epochs():
            trial.report(result)
        # Weights of 5 million would be 20 MB in the database, each.
        trial.complete(b"", confusion=session.confusion())
    record = read_study_record(study)
    for done in record.trials:
        store_test_score(study, done, accuracy=0.5, loss=1.0, images=12)
    return read_study_record(study)


def run_for_an_epoch(
    name: str, archive: Path, splits: SearchSplits, database: Database, *, trainings: int | None
) -> None:
    planned = PLANS[name]
    ours = replace(
        planned.change(dataset=str(archive), epochs=1, replicates=1, name=f"{name}-{trainings}"), validation_images=None
    )
    plan: TrialPlan = ours.make_plan(describe_dataset(str(archive), archive.parent))
    study = create_or_join_study(database, ours.name, ours.make_spec(plan), splits.identity, plan)
    count = len(plan.trials) if trainings is None else trainings
    record = train(study, splits, trials=count)
    assert record.counts["COMPLETE"] == count, [trial.reason for trial in record.trials]
    summary = summarize_plan(record, planned.origin)
    assert [mine.label for mine in summary.labels] == [training.label for training in planned.trainings]
    for mine in summary.labels[:count]:
        assert (len(mine.complete), mine.test and mine.test.mean) == (1, 0.5)
        assert mine.validation is not None
        assert (mine.seconds or 0) > 0
        if mine.printed.test_percent is not None:
            assert mine.test_difference == pytest.approx(0.5 - mine.printed.test_percent / 100)
    document = describe_plan_summary(summary)
    assert json.loads(json.dumps(document))["labels"][0]["seeds"] == 1
    assert planned.origin.title is not None
    assert planned.origin.title in _show(summary)


def _show(summary: Any) -> str:
    console = Console(file=io.StringIO(), width=140, markup=False)
    show_plan_summary(console, summary)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANS)
def test_the_first_training_of_a_plan_runs_for_an_epoch_and_is_reported(
    name: str, archive: Path, splits: SearchSplits, database: Database
) -> None:
    run_for_an_epoch(name, archive, splits, database, trainings=1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", PLANS)
def test_every_training_of_a_plan_runs_for_an_epoch_and_is_reported(
    name: str, archive: Path, splits: SearchSplits, database: Database
) -> None:
    run_for_an_epoch(name, archive, splits, database, trainings=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_the_first_trial_of_a_search_runs_for_an_epoch(
    name: str, archive: Path, splits: SearchSplits, database: Database
) -> None:
    spec = spec_of(SEARCHES[name]).model_copy(update={"epochs": 1, "dataset": str(archive)})
    study = create_or_join_study(database, f"search-{name}", spec, splits.identity)
    assert train(study, splits, trials=1).counts["COMPLETE"] == 1

"""`--teacher` as a person types it: what is trained, shown and refused, and what outlives the teacher."""

import json
from pathlib import Path

import numpy as np
import pytest

from hpsearch.storage import blobs, stored_blobs
from hpsearch.storage.database import Database
from hpsearch.tuning.study import list_study_names
from tests.cli_runs import CommandRoom, Ended, type_apart, write_tiny_archive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]

SHORT = ("--trials", "2", "--epochs", "2", "--pruner", "none", "--no-portfolio")
STUDENT = ("--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", *SHORT)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study of CNNs, and one of FCNs that learned from its best."""
    folder = tmp_path_factory.mktemp("taught")
    write_tiny_archive(folder / "tiny.npz")
    cnn = ("--budget", "1k", "--arch", "cnn", "--dataset", "tiny.npz", *SHORT, "--study", "cnn")
    assert type_apart(folder, "run", *cnn, "--quiet").code == 0
    ended = type_apart(folder, "run", *STUDENT, "--study", "fcn", "--teacher", "cnn")
    assert ended.code == 0, ended
    assert "teacher    cnn, trial " in ended.out
    return folder


@pytest.fixture
def room(room: CommandRoom, taught: Path) -> CommandRoom:
    return room.take(taught)


def well(ended: Ended) -> Ended:
    assert ended.code == 0, ended
    return ended


def replay(room: CommandRoom, name: str) -> None:
    for trial in room.read(name).trials:
        document = json.loads(well(room.type("replay", name, "--trial", str(trial.number), "--json")).out)
        assert (document["is_equal"], document["weights_equal"]) == (True, True)


def test_every_trial_names_the_best_network_of_the_teacher_study(room: CommandRoom) -> None:
    student, teacher = room.read("fcn"), room.read("cnn").best
    assert teacher is not None
    assert student.study.teacher is not None
    identity = student.study.teacher.identity
    assert (identity.study, identity.trial, identity.temperature, identity.share) == ("cnn", teacher.number, 3.0, 0.7)
    assert student.study.teacher.config == teacher.config
    assert [trial.config.teacher for trial in student.trials if trial.config] == [identity] * 2
    assert all(trial.config.teacher is None for trial in room.read("cnn").trials if trial.config)
    assert "teacher" not in (teacher.config_json or {"teacher": 1})


def test_it_is_shown_apart(room: CommandRoom) -> None:
    student = room.read("fcn").study.teacher
    assert student is not None
    said = student.describe()
    assert said.startswith(f"cnn, trial {student.identity.trial}: cnn of ")
    assert said.endswith("% validation")
    assert said in " ".join(well(room.type("show", "fcn")).out.split())
    for command in ("show", "best"):
        document = json.loads(well(room.type(command, "fcn", "--json")).out)
        assert document["teacher"]["weights_sha256"] == student.identity.weights_sha256
        assert document["teacher"]["weights"] == student.config.count_weights()
        assert json.loads(well(room.type(command, "cnn", "--json")).out)["teacher"] is None
    well(room.type("report", "fcn", "--format", "md", "--out", "pages"))
    page = next((room.folder / "pages").rglob("*.md")).read_text()
    assert "70% of the loss, at temperature 3" in page
    assert "--teacher cnn" in page
    well(room.type("export", "fcn", "--format", "safetensors"))
    (card,) = (room.folder / "exports").glob("fcn-*/README.md")
    assert f"learned from | trial {student.identity.trial} of study cnn, beside the labels" in card.read_text()
    manifest = json.loads((card.parent / "manifest.json").read_text())
    assert manifest["teacher"]["weights_sha256"] == student.identity.weights_sha256


def test_everything_goes_on_when_the_teacher_is_deleted(room: CommandRoom) -> None:
    replay(room, "fcn")
    well(room.type("delete", "cnn", "--yes"))
    replay(room, "fcn")
    before = room.read("fcn").trials
    well(room.type("run", *STUDENT, "--study", "fcn", "--teacher", "cnn", "--quiet"))
    assert room.read("fcn").trials == before
    well(room.type("resume", "fcn", "--trials", "+1"))
    well(room.type("worker", "fcn"))
    assert room.read("fcn").counts["COMPLETE"] == 3
    replay(room, "fcn")


def test_finalists_and_trained_bundles_keep_the_teacher(room: CommandRoom) -> None:
    well(room.type("export", "fcn", "--format", "safetensors"))
    (bundle,) = (room.folder / "exports").glob("fcn-*")
    well(room.type("delete", "cnn", "--yes"))
    well(room.type("finalists", "fcn", "--top", "1", "--replicates", "2", "--quiet"))
    well(room.type("train", str(bundle), "--dataset", "tiny.npz", "--study", "again", "--quiet"))
    best = room.read("fcn").best
    assert best is not None
    assert room.read("again").trial(0).value == best.value
    expected = room.read("fcn").study.teacher
    well(room.type("delete", "fcn", "--yes"))
    for name in ("fcn-finalists", "again"):
        assert room.read(name).study.teacher == expected
        replay(room, name)
    well(room.type("train", str(bundle), "--dataset", "tiny.npz", "--study", "again", "--quiet"))


def test_trainings_on_all_images_keep_the_teacher(room: CommandRoom) -> None:
    on_all = ("--top", "1", "--replicates", "1", "--on", "train+validation", "--quiet")
    well(room.type("finalists", "fcn", *on_all))
    replay(room, "fcn-finalists-all")
    ended = room.type("create", *STUDENT, "--study", "new", "--teacher", "fcn-finalists-all")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "trains on train+validation, so that it knows the images" in ended.err


def test_a_bundle_whose_teacher_is_elsewhere_is_refused_and_makes_nothing(room: CommandRoom) -> None:
    well(room.type("export", "fcn", "--format", "safetensors"))
    (bundle,) = (room.folder / "exports").glob("fcn-*")
    train = ("train", str(bundle), "--dataset", "tiny.npz", "--quiet", "--storage", "sqlite:///other.db")
    ended = room.type(*train)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "of study cnn, whose weights are not in storage 'sqlite:///other.db': name the --storage" in ended.err
    assert not (room.folder / "other.db").exists()
    cnn = ("--budget", "1k", "--arch", "cnn", "--dataset", "tiny.npz", *SHORT, "--study", "x")
    well(room.type("create", *cnn, "--storage", "sqlite:///other.db"))
    ended = room.type(*train)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "whose weights are not in storage" in ended.err
    document = json.loads((bundle / "config.json").read_text())
    (room.folder / "edited.json").write_text(json.dumps(document | {"split_seed": 5}))
    ended = room.type("train", "edited.json", "--dataset", "tiny.npz", "--quiet")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "by seed 0, this 0.2 by seed 5" in ended.err
    with Database.open(room.storage) as database:
        assert list_study_names(database) == ["cnn", "fcn"]


def test_a_student_may_teach(room: CommandRoom) -> None:
    ended = well(room.type("create", *STUDENT, "--study", "third", "--teacher", "fcn"))
    assert "teacher    fcn, trial " in ended.out
    teacher = room.read("third").study.teacher
    assert teacher is not None
    assert teacher.config.teacher is not None


def test_what_may_not_teach_is_one_line_and_makes_nothing(room: CommandRoom) -> None:
    well(room.type("create", *STUDENT, "--study", "empty"))
    write_tiny_archive(room.folder / "other.npz")
    with np.load(room.folder / "other.npz") as stored:
        images, labels = stored["images"].copy(), stored["labels"]
    images[0] += 1
    np.savez(room.folder / "other.npz", images=images, labels=labels)
    (room.folder / "split.toml").write_text(
        'arch = "fcn"\nbudget = "2k"\ndataset = "tiny.npz"\ntrials = 2\nvalidation_fraction = 0.3\nteacher = "cnn"\n'
    )
    before = room.list_files()
    new = ("--study", "new", *STUDENT)
    refused = [
        ((*new, "--teacher", "cn"), ("there is no study 'cn' in ", "cnn")),
        ((*new, "--teacher", "a b"), ("study name 'a b' is not allowed",)),
        ((*new, "--teacher", "empty"), ("study 'empty' has no complete trial to learn from", "hpsearch show empty")),
        ((*new, "--teacher", "cnn", "--storage", "sqlite:///o.db"), ("there is no study 'cnn' to learn from", "o.db")),
        (
            (*new, "--teacher", "cnn", "--dataset", "other.npz"),
            ("study 'cnn' was trained on other data (", "--dataset"),
        ),
        ((*new, "--teacher", "cnn", "--dataset", "mnist", "--budget", "20k"), ("was trained on other data",)),
        ((*new, "--teacher", "cnn", "--seed", "1"), ("images that are held out here", "give --seed 0")),
        (("split.toml",), ("0.2 by seed 0, this 0.3 by seed 0", "give validation_fraction = 0.2 in a study file")),
        (("--study", "fcn", *STUDENT), ("study 'fcn' exists with other settings (teacher: it has cnn, given none)",)),
        (("--study", "fcn", *STUDENT, "--teacher", "empty"), ("(teacher: it has cnn, given empty)",)),
        (("--study", "cnn", *STUDENT, "--teacher", "cnn"), ("study 'cnn' exists", "teacher: it has none, given cnn")),
    ]
    taken = []
    for command in ("create", "run"):
        for arguments, expected in refused:
            ended = room.type(command, *arguments)
            is_said = all(text in ended.err for text in expected)
            if (ended.code, ended.err.count("\n"), is_said) != (2, 1, True):
                taken.append((command, arguments, ended))
    assert taken == []
    assert room.list_files() == before
    with Database.open(room.storage) as database:
        assert list_study_names(database) == ["cnn", "empty", "fcn"]


def test_a_teacher_that_is_damaged_in_the_database_trains_nothing(room: CommandRoom) -> None:
    student = room.read("fcn").study
    with Database.open(room.storage) as database, database.transaction() as connection:
        blobs.write_study_blob(connection, student.study_id, stored_blobs.TEACHER, b"other weights")
    ended = room.type("replay", "fcn", "--trial", "0")
    assert (ended.code, ended.err.count("\n")) == (3, 1)
    assert "the weights of the teacher of 'fcn' are missing" in ended.err

"""What a person can type wrongly: one line on stderr, the exit code, no traceback, and nothing created."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.storage.database import Database
from tests.cli_runs import CommandRoom, Ended, write_tiny_archive
from tests.scripted import make_study

FCN = ("run", "--arch", "fcn", "--budget", "10k")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandRoom:
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setenv("HPSEARCH_CACHE", str(folder / "cache"))
    return CommandRoom(folder, capsys)


def assert_refused(ended: Ended, code: int, *expected: str) -> None:
    assert ended.code == code, ended
    # A search says on stdout what it looks at, as far as it came.
    assert all(": checking " in line or line.startswith(("measuring ", "note: ")) for line in ended.out.splitlines())
    assert ended.err.startswith("error: "), ended.err
    assert ended.err.count("\n") == 1, ended.err
    assert "Traceback" not in ended.err
    for text in expected:
        assert text in ended.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "--arch", "fcn", "--budget", "abc"), ("'abc'", "100k")),
        (("run", "--arch", "fcn", "--budget", "0"), ("'0'", "100k")),
        (("run", "--arch", "fcn", "--budget", "-5k"), ("'-5k'", "100k")),
        (("run", "--arch", "fcn", "--budget", "1e12"), ("'1e12'", "100,000,000")),
        (("run", "--arch", "fcn", "--budget", "3"), ("budget 3 ", "--budget 3194")),
        (("run", "--arch", "cnn", "--budget", "3"), ("budget 3 ", "smallest that works")),
        (("run", "--budget", "10k"), ("--arch cnn",)),
        (("run", "--arch", "cnn"), ("--budget 100k",)),
        (("run", "--budget", "10k", "--arch", "rnn"), ("'rnn'", "fcn or cnn")),
        ((*FCN, "--dataset", "fashion-mnits"), ("fashion-mnits", "fashion-mnist")),
        ((*FCN, "--dataset", "nowhere/data"), ("nowhere/data", "fashion-mnist")),
        ((*FCN, "--sampler", "tpee"), ("'tpee'", "tpe, random, gp, qmc or grid")),
        ((*FCN, "--sampler", "grid"), ("grid", "[space]")),
        ((*FCN, "--pruner", "axe"), ("'axe'", "asha, hyperband, median or none")),
        ((*FCN, "--device", "gpu"), ("'gpu'", "--device")),
        ((*FCN, "--device", "cuda"), ("'cuda'", "--device cpu")),
        ((*FCN, "--device", "cuda:7"), ("'cuda:7'", "--device cpu")),
        ((*FCN, "--trials", "0"), ("trials 0", "1 to")),
        ((*FCN, "--trials", "x"), ("trials 'x'", "whole number")),
        ((*FCN, "--epochs", "-1"), ("epochs -1", "10,000")),
        ((*FCN, "--seed", "-1"), ("seed -1",)),
        ((*FCN, "--workers", "0"), ("'0'", "auto")),
        ((*FCN, "--workers", "two"), ("'two'", "auto")),
        ((*FCN, "--time", "2 parsecs"), ("--time '2 parsecs'", "15m")),
        ((*FCN, "--time", "-5m"), ("--time '-5m'", "15m")),
        ((*FCN, "--time", "0"), ("--time '0'", "15m")),
        ((*FCN, "--time", "0s"), ("--time '0s'", "no time at all")),
        (
            (*FCN, "--time", "9m", "--trials", "3", "--epochs", "2"),
            ("time and trials and epochs", "either --time"),
        ),
        ((*FCN, "--time", "9m", "--pruner", "asha"), ("pruner asha", "leave --pruner out")),
        (("plan", *FCN[1:], "--time", "3s"), ("time 3.0 s is too short", "give --time ")),
        ((*FCN, "--timeout", "soon"), ("'soon'", "15m")),
        ((*FCN, "--timeout", "0s"), ("'0s'", "15m")),
        ((*FCN, "--study", "a/b"), ("'a/b'", "letters")),
        ((*FCN, "--study", "a..b"), ("'a..b'", "letters")),
        ((*FCN, "--study", ""), ("''", "letters")),
        (("run", "missing.toml"), ("missing.toml", "No such file")),
        (("plan", "--arch", "fcn", "--budget", "3"), ("budget 3 ", "--budget 3194")),
        (("data", "fetch", "fashion"), ("fashion-mnist",)),
        (("export", "x", "--top", "0"), ("--top '0'", "at least 1")),
        (("export", "x", "--top", "1", "--trial", "1"), ("--top", "--trial")),
        (("show", "x", "--trial", "first"), ("--trial 'first'",)),
        (("worker", "x", "--max-trials", "0"), ("--max-trials '0'",)),
    ],
    ids=lambda value: " ".join(value[:8]) if isinstance(value, tuple) else str(value),
)
def test_wrong_input_is_one_line_and_creates_nothing(
    room: CommandRoom, arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert_refused(room.type(*arguments), 2, *expected)
    assert room.list_files() == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('arch = "fcn"\nbudgett = "10k"', ("line 2", "'budget'")),
        ('arch = "fcn"\nbudget = "10k"\ntrials = "many"', ("trials 'many'", "whole number")),
        ('arch = "fcn"\nbudget = "10k"\n[space]\noptimizer = []', ("space.optimizer", "empty")),
        ('arch = "fcn"\nbudget = "10k"\n[space]\nlr = {low = 1e-1, high = 1e-4}', ("space.lr", "above high")),
        ('arch = "fcn"\nbudget = "10k"\n[space]\nlrr = 0.1', ("space.lrr", "'lr'")),
        ('arch = "fcn"\nbudget = = "10k"', ("line 2",)),
    ],
)
def test_a_wrong_study_file_is_one_line_and_creates_nothing(
    room: CommandRoom, content: str, expected: tuple[str, ...]
) -> None:
    (room.folder / "study.toml").write_text(content)
    assert_refused(room.type("run", "study.toml"), 2, "study.toml" if "line" in expected[0] else "", *expected)
    assert room.list_files() == ["study.toml"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nonsense", "sqlite:///FILE.db"),
        ("mysql://me:hunter2@host/studies", "not supported"),
        ("sqlite:///nowhere/studies.db", "no folder"),
        ("sqlite:///file/studies.db", "no folder"),
        ("sqlite://", "three slashes"),
        ("sqlite:///file", "no SQLite database"),
        ("sqlite:///empty", "is empty"),
        ("sqlite:///.", "."),
        ("postgresql://me:hunter2@127.0.0.1:1/studies", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("command", ["run", "list", "worker"])
def test_a_storage_that_cannot_be_opened_ends_with_3_and_creates_nothing(
    room: CommandRoom, command: str, url: str, expected: str
) -> None:
    (room.folder / "file").write_text("no database at all, but long enough to be read")
    (room.folder / "empty").touch()
    arguments = {"run": FCN, "list": ("list",), "worker": ("worker", "study")}[command]
    ended = room.type(*arguments, "--storage", url)
    if command != "run" and expected == "no folder":
        expected = "no database"
    assert_refused(ended, 3, expected)
    assert "hunter2" not in ended.err
    assert room.list_files() == ["empty", "file"]


@pytest.fixture
def damaged(room: CommandRoom) -> Callable[[str], Path]:
    """A database that was one until something happened to it."""

    def damage(how: str) -> Path:
        path = room.folder / "hpsearch.db"
        with Database.open(f"sqlite:///{path}", create=True) as database:
            make_study(database)
        content = bytearray(path.read_bytes())
        if how == "cut":
            content = content[: len(content) // 2]
        else:
            for offset in range(5000, len(content), 997):
                content[offset] ^= 0xFF
        path.write_bytes(content)
        return path

    return damage


@pytest.mark.parametrize("how", ["cut", "flipped"])
@pytest.mark.parametrize(
    "arguments", [FCN, ("list",), ("show", "study"), ("best", "study"), ("export", "study")], ids=lambda value: value[0]
)
def test_a_damaged_database_is_never_an_empty_one(
    room: CommandRoom, damaged: Callable[[str], Path], how: str, arguments: tuple[str, ...]
) -> None:
    path = damaged(how)
    content = path.read_bytes()
    ended = room.type(*arguments)
    assert_refused(ended, 3, "hpsearch.db")
    assert path.read_bytes() == content
    assert not (room.folder / "cache").exists()


def test_without_a_database_the_commands_that_read_say_what_makes_one(room: CommandRoom) -> None:
    for arguments in (("list",), ("show", "x"), ("best", "x"), ("export", "x"), ("worker", "x")):
        assert_refused(room.type(*arguments), 3, "hpsearch run")
    assert room.list_files() == []


@pytest.mark.parametrize("command", ["show", "best", "export", "worker"])
def test_an_unknown_study_is_refused_with_the_near_names(room: CommandRoom, command: str) -> None:
    with Database.open(room.storage, create=True) as database:
        make_study(database, "fashion-mnist-cnn-100k")
    files = room.list_files()
    assert_refused(room.type(command, "fashion-mnist-cnn-10k"), 2, "fashion-mnist-cnn-100k", "hpsearch list")
    assert room.list_files() == files


def test_an_existing_study_with_other_settings_is_refused_with_each_differing_field(room: CommandRoom) -> None:
    archive = write_tiny_archive(room.folder / "tiny.npz")
    with Database.open(room.storage, create=True) as database:
        make_study(database, "mine", dataset=str(archive))
    files = room.list_files()
    ended = room.type(
        "run", "--study", "mine", "--arch", "fcn", "--budget", "3k", "--dataset", str(archive), "--trials", "9"
    )
    assert_refused(ended, 2, "budget: it has 2k, given 3k", "trials: it has 8, given 9", "--study NAME")
    assert room.list_files() == files


def test_a_folder_that_cannot_be_written_is_named(room: CommandRoom) -> None:
    assert_refused(room.type(*FCN, "--storage", "sqlite:////proc/studies.db"), 3, "/proc")


def test_a_cache_folder_that_cannot_be_written_is_named_and_leaves_no_database(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    (room.folder / "file").touch()
    monkeypatch.setenv("HPSEARCH_CACHE", str(room.folder / "file" / "cache"))
    assert_refused(room.type(*FCN), 2, "file/cache")
    assert room.list_files() == ["file"]


def test_a_data_folder_without_classes_is_refused(room: CommandRoom) -> None:
    (room.folder / "images").mkdir()
    assert_refused(room.type(*FCN, "--dataset", "images"), 2, "images")
    assert room.list_files() == ["images"]


def test_a_data_folder_with_one_unreadable_image_is_refused_with_its_name(room: CommandRoom) -> None:
    for name in ("cat", "dog"):
        (room.folder / "images" / name).mkdir(parents=True)
        for number in range(12):
            Image.new("L", (8, 8), 20 * number).save(room.folder / "images" / name / f"{number}.png")
    (room.folder / "images" / "dog" / "7.png").write_bytes(b"\x89PNG no more")
    files = room.list_files()
    assert_refused(room.type(*FCN, "--dataset", "images"), 2, "7.png")
    assert room.list_files() == files


def test_an_archive_that_is_damaged_is_refused_with_its_name(room: CommandRoom) -> None:
    archive = write_tiny_archive(room.folder / "tiny.npz")
    archive.write_bytes(archive.read_bytes()[:-300])
    assert not zipfile.is_zipfile(archive)
    assert_refused(room.type(*FCN, "--dataset", "tiny.npz"), 2, "tiny.npz")
    assert room.list_files() == ["tiny.npz"]


def test_an_export_into_a_place_that_cannot_be_written_is_refused(room: CommandRoom) -> None:
    from tests.integration.test_cli_studies import make_finished_study

    make_finished_study(room)
    (room.folder / "file").touch()
    assert_refused(room.type("export", "study", "--out", "file/exports"), 2, "file/exports", "--out")


def test_a_data_set_too_small_to_hold_images_out_makes_no_study(room: CommandRoom) -> None:
    images, labels = np.zeros((4, 8, 8), np.uint8), np.arange(4) % 2
    np.savez(room.folder / "few.npz", images=images, labels=labels, test_images=images, test_labels=labels)
    files = room.list_files()
    ended = room.type("run", "--arch", "fcn", "--budget", "2k", "--dataset", "few.npz")
    assert_refused(ended, 2, "too few")
    assert room.list_files() == files

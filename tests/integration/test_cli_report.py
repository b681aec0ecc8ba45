"""`report`: which studies, where the page goes, what is replaced; pictures are of one pixel."""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpsearch import draft_folder
from hpsearch.reporting import document
from hpsearch.reporting.document import Report
from hpsearch.storage.artifacts import Artifact
from hpsearch.storage.database import Database
from hpsearch.tuning.artifacts import CONFUSION_PICTURE, load_artifact
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.finalists import plan_finalists
from tests.cli_runs import CommandRoom
from tests.report_pages import PIXEL, ReadPage
from tests.scripted import make_study
from tests.trained_study import TrainedStudy, train_study

REPORT = Path("reports/study.html")


def draw_pixels(report: Report, tell: Callable[[str], None]) -> dict[str, bytes]:
    """In place of pictures."""
    tell("drawing nothing")
    return {picture.name: PIXEL for picture in report.list_pictures()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    """Two complete trials; no test changes them."""
    return train_study(tmp_path_factory.mktemp("trained"), trials=2)


@pytest.fixture
def room(
    trained: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HPSEARCH_STORAGE", trained.storage_url)
    monkeypatch.setattr(document, "draw_pictures", draw_pixels)
    return CommandRoom(tmp_path, capsys)


@pytest.fixture
def own(trained: TrainedStudy, room: CommandRoom, monkeypatch: pytest.MonkeyPatch) -> CommandRoom:
    """A room with a database of its own."""
    shutil.copy(trained.folder / "hpsearch.db", room.folder / "hpsearch.db")
    monkeypatch.setenv("HPSEARCH_STORAGE", room.storage)
    return room


def read(path: Path) -> ReadPage:
    return ReadPage(path.read_bytes())


def test_a_study_becomes_a_page_with_what_its_best_network_gets_wrong(room: CommandRoom) -> None:
    ended = room.type("report", "study")
    assert (ended.code, ended.out) == (0, f"{REPORT}\n")
    assert "looking at the validation images with trial" in ended.err
    page = read(REPORT)
    assert "What it gets wrong" in page.headings
    recorded = max(trial.value or 0.0 for trial in _read_trials())
    assert re.search(rf"of \d+ validation images rightly \({100 * recorded:.2f}%\)\.", page.text)
    assert "closed: no network of this study has a test score" in page.text
    assert room.list_files() == ["reports", "reports/study.html"]


def _read_trials() -> list[object]:
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study

    with Database.open(os.environ["HPSEARCH_STORAGE"]) as database:
        return list(read_study_record(load_study(database, "study")).trials)


def test_the_same_study_gives_the_same_bytes_and_takes_the_place_of_the_earlier_report(room: CommandRoom) -> None:
    assert room.type("report", "study", "--quiet").err == ""
    first = REPORT.read_bytes()
    assert room.type("report", "study", "--quiet").code == 0
    assert REPORT.read_bytes() == first
    for _ in range(2):
        assert room.type("report", "study", "--quiet", "--format", "md").out == "reports/study/README.md\n"
    names = {path.name for path in Path("reports/study").iterdir()}
    pictures = set(re.findall(r"\((\S+\.png)\)", Path("reports/study/README.md").read_text()))
    assert names == {"README.md", *pictures}
    assert len(pictures) > 5
    assert sorted(path.name for path in Path("reports").iterdir()) == ["study", "study.html"]


def test_a_report_folder_loses_the_pictures_of_the_earlier_report(own: CommandRoom) -> None:
    folder = own.folder / "reports" / "study"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("<!-- hpsearch report -->\n\n![old](old.png)\n")
    (folder / "old.png").write_bytes(PIXEL)
    assert own.type("report", "study", "--format", "md", "--quiet").code == 0
    assert not (folder / "old.png").exists()


def test_data_that_are_not_here_are_said_to_be_missing(own: CommandRoom, trained: TrainedStudy) -> None:
    moved = trained.archive.rename(own.folder / "elsewhere.npz")
    try:
        ended = own.type("report", "study")
        found = own.type("report", "study", "--dataset", str(moved), "--out", "found")
    finally:
        moved.rename(trained.archive)
    assert ended.code == 0
    assert "there is no folder or file" in ended.err
    page = read(REPORT)
    assert "was validated on are not where this report was written" in page.text
    assert str(trained.folder) not in page.source
    assert found.code == 0
    assert re.search(r"of \d+ validation images rightly", read(Path("found/study.html")).text)


def test_other_images_under_the_same_name_are_not_looked_at(own: CommandRoom, tmp_path: Path) -> None:
    from tests.cli_runs import write_tiny_archive

    other = write_tiny_archive(tmp_path / "other.npz", count=100)
    ended = own.type("report", "study", "--dataset", str(other))
    assert ended.code == 0
    assert "holds other images than the study was made with" in ended.err
    assert "was validated on are not where this report was written" in read(REPORT).text


def test_weights_that_are_lost_are_said_to_be_and_the_stored_picture_is_shown(own: CommandRoom) -> None:
    import sqlalchemy as sa

    from hpsearch.storage.artifacts import write_artifacts
    from hpsearch.storage.tables import blobs

    trials = own.read("study").trials
    with Database.open(own.storage) as database, database.transaction() as connection:
        connection.execute(sa.delete(blobs))
        for trial in trials:
            write_artifacts(connection, 1, trial.trial_id, [Artifact(CONFUSION_PICTURE, PIXEL)])
    with Database.open(own.storage) as database:
        from hpsearch.tuning.study import load_study

        assert load_artifact(load_study(database, "study"), trials[0], CONFUSION_PICTURE) == PIXEL
        assert load_artifact(load_study(database, "study"), trials[0], "other.png") is None
    assert own.type("report", "study", "--quiet").code == 0
    page = read(REPORT)
    assert "its weights are missing or damaged" in page.text
    assert any((image["alt"] or "").startswith("Confusion matrix of trial") for image in page.images)


def test_patterns_take_studies_by_budget_and_finalists_come_with_their_search(own: CommandRoom) -> None:
    with Database.open(own.storage) as database:
        for budget in ("30k", "4k"):
            make_study(database, f"ladder-{budget}", budget=budget)
        searched = own.read("study")
        plan = plan_finalists(searched, top=1, replicates=2)
        spec = searched.study.spec.model_copy(update={"trials": 2, "pruner": "none", "sampler": "random"})
        create_or_join_study(database, "study-finalists", spec, searched.study.dataset, plan)
    ended = own.type("report", "ladder-*", "study*", "ladder-4k", "--quiet")
    assert (ended.code, ended.out) == (0, "reports/ladder-4k-and-2-more.html\n")
    page = read(Path(ended.out.strip()))
    parts = [link for link in page.links if re.fullmatch(r"#part-\d", link)]
    assert len(parts) == 4
    order = [name for name in page.headings if name.startswith(("ladder", "study"))]
    assert order == ["ladder-4k", "ladder-30k", "study"]
    assert "in the study study-finalists (0 of 2 trainings finished)" in page.text
    alone = own.type("report", "study-finalists", "--quiet")
    assert "How good are the best of the search study really?" in read(Path(alone.out.strip())).text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("studdy",), ("no study 'studdy'", "there is study")),
        (("stu?y2*",), ("no study matches 'stu?y2*'", "there is study")),
        (("study", "--format", "pdf"), ("--format 'pdf'", "html or md")),
        (("study", "--format", ""), ("--format ''", "html or md")),
        (("study", "--out", "file/x"), ("'file/x/study.html'", "Not a directory", "--out")),
        (("study", "--out", "pages/x.html"), ("'pages/x.html' is a page's name", "(study.html)", "--out 'pages'")),
        (("study", "--out", "file"), ("'file/study.html'", "Not a directory", "--out")),
        ((), ("STUDY...",)),
    ],
)
def test_wrong_input_is_one_line_and_creates_nothing(
    room: CommandRoom, arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    (room.folder / "file").write_text("mine")
    ended = room.type("report", *arguments, "--quiet")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended
    for text in expected:
        assert text in ended.err
    assert room.list_files() == ["file"]


def test_without_a_database_nothing_is_made(room: CommandRoom) -> None:
    ended = room.type("report", "study", "--storage", "sqlite:///nowhere.db", "--quiet")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert room.list_files() == []


@pytest.mark.parametrize(
    ("page_format", "name", "content", "reason"),
    [
        ("html", "study.html", b"<!DOCTYPE html><title>mine</title>", "no report of hpsearch"),
        ("html", "study.html", None, "it is no file"),
        ("md", "study/README.md", b"# mine", "README.md is no report of hpsearch"),
        ("md", "study/notes.txt", b"mine", "no README.md of a report"),
        ("md", "study", b"mine", "it is no folder"),
    ],
)
def test_what_is_somebodys_own_is_never_replaced(
    room: CommandRoom, page_format: str, name: str, content: bytes | None, reason: str
) -> None:
    path = room.folder / "reports" / name
    path.parent.mkdir(parents=True)
    path.mkdir() if content is None else path.write_bytes(content)
    before = room.list_files()
    ended = room.type("report", "study", "--format", page_format, "--quiet")
    assert ended.code == 2
    assert f"exists and is something else ({reason}): remove it, or give another folder with --out" in ended.err
    assert room.list_files() == before
    assert content is None or path.read_bytes() == content


def test_a_report_with_somebodys_file_in_it_and_a_link_are_left_alone(room: CommandRoom) -> None:
    assert room.type("report", "study", "--format", "md", "--quiet").code == 0
    (room.folder / "reports" / "study" / "notes.txt").write_text("mine")
    ended = room.type("report", "study", "--format", "md", "--quiet")
    assert (ended.code, "notes.txt is no part of a report" in ended.err) == (2, True)
    (room.folder / "reports" / "study.html").symlink_to("elsewhere.html")
    ended = room.type("report", "study", "--quiet")
    assert (ended.code, "it is a link" in ended.err) == (2, True)


@pytest.fixture
def closed_folder(room: CommandRoom) -> Iterator[Path]:
    """A folder that nobody may write into."""
    folder = room.folder / "closed"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield folder
    folder.chmod(stat.S_IRWXU)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_one_line(room: CommandRoom, closed_folder: Path) -> None:
    ended = room.type("report", "study", "--out", str(closed_folder), "--quiet")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "cannot be written" in ended.err or "cannot write" in ended.err


@pytest.mark.fault
@pytest.mark.parametrize("page_format", ["html", "md"])
@pytest.mark.parametrize("has_earlier", [False, True])
def test_a_disk_that_fills_up_leaves_the_earlier_report_or_nothing(
    room: CommandRoom, page_format: str, has_earlier: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("report", "study", "--format", page_format, "--quiet")
    if has_earlier:
        assert room.type(*command).code == 0
    before = _read_files(room.folder)

    def fail(path: Path, content: bytes) -> None:
        path.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(draft_folder, "write_durably", fail)
    ended = room.type(*command)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "No space left on device; give another folder with --out" in ended.err
    assert _read_files(room.folder) == before


def _read_files(folder: Path) -> dict[str, bytes | None]:
    paths = sorted(folder.rglob("*"))
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths}


class KilledError(BaseException):
    """Takes the place of SIGKILL: nothing of ours catches it, and nothing is cleaned up."""


@pytest.mark.fault
@pytest.mark.parametrize("page_format", ["html", "md"])
def test_a_report_is_whole_or_absent_whichever_step_is_the_last(
    room: CommandRoom, page_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rename and every write is once the last thing that happens."""
    from hpsearch.sessions import report_files

    place = report_files.ReportPlace(Path("reports"), "study", page_format)
    names = ["page.html"] if page_format == "html" else ["README.md", "a.png"]
    head = {
        "html": b'<meta name="generator" content="hpsearch report">',
        "md": b"<!-- hpsearch report -->\n\n![a](a.png)\n",
    }
    files = {name: head[page_format] if index == 0 else PIXEL for index, name in enumerate(names)}
    calls = [0]
    for last in range(12):
        with monkeypatch.context() as patch:
            calls[0] = 0
            for name in ("rename", "replace", "write_bytes"):
                patch.setattr(Path, name, _die_after(getattr(Path, name), calls, last))
            patch.setattr(draft_folder.shutil, "rmtree", lambda *_arguments, **_keywords: None)
            try:
                place.write(files)
                was_killed = False
            except KilledError:
                was_killed = True
        if place.target.exists():
            found = [place.target] if page_format == "html" else sorted(place.target.iterdir())
            assert [path.read_bytes() for path in found] == list(files.values())
        if not was_killed:
            break
    assert last > 1
    place.write(files)
    assert [path.name for path in Path("reports").iterdir()] == [place.target.name]


def _die_after(step: Callable[..., object], calls: list[int], last: int) -> Callable[..., object]:
    def wrapped(*arguments: object) -> object:
        result = step(*arguments)
        calls[0] += 1
        if calls[0] > last:
            raise KilledError
        return result

    return wrapped

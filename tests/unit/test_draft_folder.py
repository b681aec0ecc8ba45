"""Drafts of folders: nobody sees one under its name before it is whole, and none is left for ever."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hpsearch.draft_folder import draft_folder, publish_folder, write_durably


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_published_draft_is_the_folder_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with draft_folder(target) as draft:
        write_durably(draft / "file", b"content")
        assert not target.exists()
        publish_folder(draft, target)
    assert (target / "file").read_bytes() == b"content"
    assert list_names(target.parent) == ["b"]


def test_a_draft_that_is_not_published_goes_with_the_parents_made_for_it(tmp_path: Path) -> None:
    with draft_folder(tmp_path / "a" / "b" / "c") as draft:
        write_durably(draft / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_parents_that_hold_something_of_another_s_stay(tmp_path: Path) -> None:
    with draft_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "mine").write_text("mine")
    assert list_names(tmp_path / "a") == ["mine"]


def test_a_disk_that_is_full_leaves_no_folder_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Path.mkdir

    def fail_at_the_inner_one(path: Path, *arguments: int, **settings: bool) -> None:
        if path.name == "deep" and path.parent.exists():
            raise OSError(28, "No space left on device")
        make(path, *arguments, **settings)

    monkeypatch.setattr(Path, "mkdir", fail_at_the_inner_one)
    with pytest.raises(OSError, match="No space left"), draft_folder(tmp_path / "new" / "deep" / "thing"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_draft_in_use_is_never_taken_for_a_dead_one(tmp_path: Path) -> None:
    with draft_folder(tmp_path / "target") as first, draft_folder(tmp_path / "target") as second:
        assert first != second
        assert first.is_dir()
        assert second.is_dir()


def test_the_permissions_are_those_of_any_new_folder(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    with draft_folder(tmp_path / "target") as draft:
        assert draft.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_name_that_is_taken_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with draft_folder(target) as draft:
        write_durably(draft / "file", b"ours")
        target.mkdir()
        (target / "file").write_text("theirs")
        with pytest.raises(OSError, match="target"):
            publish_folder(draft, target)
    assert (target / "file").read_text() == "theirs"
    assert list_names(tmp_path) == ["target"]


@pytest.mark.slow
@pytest.mark.fault
def test_the_draft_of_a_killed_process_goes_with_the_next_one_of_the_same_target_alone(tmp_path: Path) -> None:
    code = """
        import os, signal, sys
        from pathlib import Path
        from hpsearch.draft_folder import draft_folder

        with draft_folder(Path(sys.argv[1])) as draft:
            (draft / "file").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    for name in ("study-trial-1", "study-trial-11"):
        subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path / name)], check=False)
    assert len(list_names(tmp_path)) == 2
    with draft_folder(tmp_path / "study-trial-1"):
        pass
    (left,) = list_names(tmp_path)
    assert left.startswith(".study-trial-11.")

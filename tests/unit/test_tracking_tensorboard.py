"""What TensorBoard reads from the event files that are written for it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch.errors import InputError
from hpsearch.tracking.tensorboard_runs import TensorBoardRuns
from hpsearch.tracking.tracked_trial import Point, TrackedStudy, TrackedTrial
from tests.hand_clock import HandClock
from tests.tracker_readers import list_event_files, read_events, read_scalars, read_table

MOMENT = 1_700_000_000.0


def make_tracked_trial(number: int = 0, *, epochs: int = 2, **fields: Any) -> TrackedTrial:
    points = tuple(Point(epoch, 0.5 + epoch / 8, MOMENT + epoch) for epoch in range(1, epochs + 1))
    given: dict[str, Any] = {
        "number": number,
        "state": "COMPLETE",
        "columns": {"state": "COMPLETE", "weights": 1990, "lr": 0.25, "batch_norm": True, "optimizer": "adamw"},
        "fixed": {"schedule": "one_cycle"},
        "series": {"validation_accuracy": points, "train_loss": points},
        "facts": {"study": "s", "network": "20-16 relu | pool"},
        "config": "version = 1\n",
        "label": None,
        "started": MOMENT,
        "finished": MOMENT + epochs + 1,
    }
    return TrackedTrial(**given | fields)


def make_tracked_study(*trials: TrackedTrial, key: str = "key") -> TrackedStudy:
    return TrackedStudy("s", key, "validation_accuracy", trials)


def track(folder: Path, *trials: TrackedTrial, key: str = "key", clock: HandClock | None = None) -> list[str]:
    runs = TensorBoardRuns(folder, make_tracked_study(*trials, key=key), clock or HandClock(MOMENT))
    runs.check(trials)
    return [runs.track(trial) for trial in trials]


def test_a_trial_is_a_run_with_its_curve_at_its_times(tmp_path: Path) -> None:
    assert track(tmp_path, make_tracked_trial(7)) == ["added"]
    expected = [(1, 0.625, MOMENT + 1), (2, 0.75, MOMENT + 2)]
    assert read_scalars(tmp_path / "s" / "trial-7") == {"validation_accuracy": expected, "train_loss": expected}


def test_the_hparams_tab_has_a_row_a_trial_with_its_objective(tmp_path: Path) -> None:
    failed = make_tracked_trial(1, state="FAIL", series={})
    running = make_tracked_trial(2, state="RUNNING", epochs=1, finished=None)
    track(tmp_path, make_tracked_trial(0), failed, running)
    table = read_table(tmp_path / "s")
    assert table.keys() == {"trial-0", "trial-1", "trial-2"}
    assert table["trial-0"].columns == {
        "state": "COMPLETE",
        "weights": 1990.0,
        "lr": 0.25,
        "batch_norm": True,
        "optimizer": "adamw",
    }
    assert [row.metrics for row in table.values()] == [
        {"validation_accuracy": 0.75},
        {},
        {"validation_accuracy": 0.625},
    ]
    assert [row.status for row in table.values()] == ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_UNKNOWN"]


def test_a_column_of_several_kinds_is_text_in_every_row(tmp_path: Path) -> None:
    values = (0.5, "auto", True)
    track(tmp_path, *(make_tracked_trial(number, columns={"x": value}) for number, value in enumerate(values)))
    assert [row.columns["x"] for row in read_table(tmp_path / "s").values()] == ["0.5", "auto", "True"]


def test_replicates_of_a_label_are_one_row_with_their_mean(tmp_path: Path) -> None:
    better = tuple(Point(epoch, 1.0, MOMENT + epoch) for epoch in (1, 2))
    trials = [
        make_tracked_trial(0, label="trial 3"),
        make_tracked_trial(1, label="trial 3", series={"validation_accuracy": better}),
        make_tracked_trial(2, label="trial 5"),
    ]
    track(tmp_path, *trials)
    table = read_table(tmp_path / "s")
    assert (table["trial 3"].sessions, table["trial 5"].sessions) == (2, 1)
    assert table["trial 3"].metrics == {"validation_accuracy": 0.875}


def test_a_trial_is_told_in_words_with_its_configuration(tmp_path: Path) -> None:
    track(tmp_path, make_tracked_trial())
    (event,) = read_events(tmp_path / "s" / "trial-0").Tensors("trial")
    text = event.tensor_proto.string_val[0].decode()
    assert "| network | 20-16 relu / pool |" in text
    assert "```toml\nversion = 1\n```" in text


def test_the_same_again_touches_nothing(tmp_path: Path) -> None:
    trials = [make_tracked_trial(number) for number in range(2)]
    track(tmp_path, *trials)
    before = {path: path.stat().st_mtime_ns for path in list_event_files(tmp_path)}
    assert track(tmp_path, *trials, clock=HandClock(MOMENT + 60)) == ["unchanged", "unchanged"]
    assert {path: path.stat().st_mtime_ns for path in list_event_files(tmp_path)} == before


def test_what_is_new_of_a_trial_replaces_its_file_under_a_later_name(tmp_path: Path) -> None:
    folder = tmp_path / "s" / "trial-0"
    track(tmp_path, make_tracked_trial(state="RUNNING", epochs=1, finished=None))
    (before,) = list_event_files(folder)
    # Also within a second, and where the clock went back.
    assert track(tmp_path, make_tracked_trial(), clock=HandClock(MOMENT - 60)) == ["updated"]
    (after,) = list_event_files(folder)
    assert after.name > before.name
    assert [step for step, _, _ in read_scalars(folder)["validation_accuracy"]] == [1, 2]


def test_what_a_killed_export_left_is_put_right_by_the_next(tmp_path: Path) -> None:
    trial = make_tracked_trial()
    track(tmp_path, trial)
    folder = tmp_path / "s"
    (whole,) = list_event_files(folder / "trial-0")
    whole.rename(whole.with_name("events.out.tfevents.1700000009.hpsearch"))  # the old one, not yet removed
    whole.write_bytes(b"")
    (folder / ".trial-1.draft").write_bytes(b"half")
    (folder / "trial-1").mkdir()
    assert list_event_files(folder / "trial-1") == []
    assert track(tmp_path, trial, make_tracked_trial(1)) == ["updated", "added"]
    assert [len(list_event_files(folder / f"trial-{number}")) for number in (0, 1)] == [1, 1]
    assert not [*folder.rglob("*.draft")]


@pytest.fixture
def unwritten(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a test may put something, and nothing else may have changed at the end."""
    (tmp_path / "own").mkdir()
    yield tmp_path / "own"
    assert not [path for path in list_event_files(tmp_path) if path.name.endswith(".hpsearch")]


def test_something_in_the_way_is_refused_and_left_alone(unwritten: Path) -> None:
    (unwritten / "file").write_text("mine")
    with pytest.raises(InputError, match="is no folder"):
        track(unwritten / "file", make_tracked_trial())
    with pytest.raises(InputError, match="is no folder"):
        track(unwritten / "file" / "below", make_tracked_trial())
    (unwritten / "s").mkdir()
    (unwritten / "s" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something that is not hpsearch's: give another folder"):
        track(unwritten, make_tracked_trial())
    (unwritten / "s" / "notes.txt").unlink()
    for content in ("[1", "[" * 100_000):
        (unwritten / "s" / "hpsearch.json").write_text(content)
        with pytest.raises(InputError, match="holds something that is not hpsearch's"):
            track(unwritten, make_tracked_trial())


def test_another_study_of_the_same_name_is_refused(tmp_path: Path) -> None:
    track(tmp_path, make_tracked_trial())
    before = {path: path.read_bytes() for path in list_event_files(tmp_path)}
    with pytest.raises(InputError, match="holds another study of that name"):
        track(tmp_path, make_tracked_trial(epochs=5), key="another")
    assert {path: path.read_bytes() for path in list_event_files(tmp_path)} == before


def test_event_files_of_others_in_a_trial_s_place_are_never_written_beside(tmp_path: Path) -> None:
    track(tmp_path, make_tracked_trial())
    foreign = tmp_path / "s" / "trial-1" / "events.out.tfevents.1700000000.host.1.0"
    foreign.parent.mkdir()
    foreign.write_bytes(b"theirs")
    with pytest.raises(InputError, match=f"{foreign.name}' is not hpsearch's"):
        track(tmp_path, make_tracked_trial(epochs=3), make_tracked_trial(1))
    assert foreign.read_bytes() == b"theirs"
    assert len(read_scalars(tmp_path / "s" / "trial-0")["train_loss"]) == 2


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_keywords: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"cannot write .*: Permission denied; give another folder with --tensorboard"):
        track(tmp_path / "closed", make_tracked_trial())


def test_a_trial_changes_its_digest_with_anything_that_is_told_of_it() -> None:
    trial = make_tracked_trial()
    assert trial.digest == make_tracked_trial().digest
    changes: list[dict[str, Any]] = [{"state": "FAIL"}, {"facts": {}}, {"series": {}}, {"finished": None}]
    assert trial.digest not in {replace(trial, **change).digest for change in changes}

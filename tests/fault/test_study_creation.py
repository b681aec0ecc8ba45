"""Many processes that make the same study at the same moment: one makes it, the others join it or are refused."""

import json
import sys
from pathlib import Path

import pytest

from hpsearch.errors import InputError
from hpsearch.storage.database import Database
from hpsearch.tuning.creation import StudyDiffersError
from hpsearch.tuning.study import list_study_names, load_study
from tests.scripted import make_study
from tests.worker_processes import join, start_process, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault]

PROCESSES = 8


def make_at_once(url: str, folder: Path, index: int, epochs: int) -> None:
    (folder / f"ready-{index}").touch()
    wait_until((folder / "go").exists, "all are ready")
    try:
        with Database.open(url, create=True) as database:
            study = make_study(database, trials=5, epochs=epochs)
            (folder / f"made-{index}.json").write_text(json.dumps(study.spec.epochs))
    except InputError as error:
        (folder / f"refused-{index}.txt").write_text(str(error))
        sys.exit(StudyDiffersError.exit_code)


def race(url: str, folder: Path, epochs: list[int]) -> list[int]:
    processes = [start_process(make_at_once, url, folder, index, own) for index, own in enumerate(epochs)]
    wait_until(lambda: len(list(folder.glob("ready-*"))) == len(epochs), "all are ready")
    (folder / "go").touch()
    return [join(process) for process in processes]


def test_the_same_settings_join_one_study(empty_storage_url: str, tmp_path: Path) -> None:
    assert race(empty_storage_url, tmp_path, [3] * PROCESSES) == [0] * PROCESSES
    with Database.open(empty_storage_url) as database:
        assert list_study_names(database) == ["study"]
        assert load_study(database, "study").spec.epochs == 3


def test_of_different_settings_one_wins_and_the_others_hear_which_field_differs(
    empty_storage_url: str, tmp_path: Path
) -> None:
    epochs = list(range(2, 2 + PROCESSES))
    codes = race(empty_storage_url, tmp_path, epochs)
    assert sorted(codes) == [0] + [StudyDiffersError.exit_code] * (PROCESSES - 1)
    winner = codes.index(0)
    with Database.open(empty_storage_url) as database:
        assert load_study(database, "study").spec.epochs == epochs[winner]
    refusals = [path.read_text() for path in tmp_path.glob("refused-*")]
    assert all(f"epochs: it has {epochs[winner]}" in text for text in refusals), refusals

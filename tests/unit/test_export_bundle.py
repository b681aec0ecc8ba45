"""Bundles: whole or absent, readable by anybody, never written over something else."""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch.errors import InputError
from hpsearch.export import bundle
from hpsearch.export.bundle import export_trials
from hpsearch.storage.database import Database
from hpsearch.trial_config import TrialConfig
from hpsearch.tuning.claims import ClaimedTrial, TrialQueue
from hpsearch.tuning.records import StudyRecord, read_study_record
from tests.scripted import curve_point, make_study


@pytest.fixture
def record(tmp_path: Path) -> Iterator[StudyRecord]:
    """A study with a complete trial 0 and a failed trial 1."""
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        study = make_study(database, trials=2, epochs=1)
        queue = TrialQueue(study, "w", "cpu")
        for finish in (lambda trial: trial.complete(b"the weights"), lambda trial: trial.fail("broken")):
            trial = queue.claim()
            assert isinstance(trial, ClaimedTrial)
            trial.report(curve_point(0, 0.5))
            finish(trial)
        yield read_study_record(study)


def export(record: StudyRecord, folder: Path) -> Path:
    (path,) = export_trials(record.study, [record.trial(0)], folder)
    return path


def test_a_bundle_holds_the_configuration_the_weights_and_a_manifest(record: StudyRecord, tmp_path: Path) -> None:
    path = export(record, tmp_path / "out")
    assert path == tmp_path / "out" / "study-trial-0"
    assert sorted(file.name for file in path.iterdir()) == [
        "config.json",
        "config.toml",
        "manifest.json",
        "model.safetensors",
    ]
    config = record.trial(0).config
    assert TrialConfig.model_validate_json((path / "config.json").read_text()) == config
    assert TrialConfig.model_validate(tomllib.loads((path / "config.toml").read_text())) == config
    assert (path / "model.safetensors").read_bytes() == b"the weights"


def test_the_manifest_has_the_figures_and_the_hash_of_every_file(record: StudyRecord, tmp_path: Path) -> None:
    path = export(record, tmp_path / "out")
    manifest = json.loads((path / "manifest.json").read_text())
    assert (manifest["study"], manifest["trial"], manifest["validation_accuracy"]) == ("study", 0, 0.5)
    assert (manifest["test_accuracy"], manifest["test_openings"]) == (None, 0)
    assert manifest["weights"] == record.trial(0).weights
    assert set(manifest["files"]) == {"config.json", "config.toml", "model.safetensors"}
    for name, entry in manifest["files"].items():
        content = (path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@pytest.mark.parametrize("failing_write", [1, 2, 3, 4])
def test_an_export_that_fails_at_any_write_leaves_nothing(
    record: StudyRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_write: int
) -> None:
    writes = []
    write = bundle._write_durably

    def fail(path: Path, content: bytes) -> None:
        writes.append(path)
        if len(writes) == failing_write:
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(bundle, "_write_durably", fail)
    with pytest.raises(InputError, match="No space left on device"):
        export(record, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_exporting_again_changes_nothing(record: StudyRecord, tmp_path: Path) -> None:
    path = export(record, tmp_path / "out")
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    assert export(record, tmp_path / "out") == path
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_that_holds_something_else_is_refused_and_kept(record: StudyRecord, tmp_path: Path, name: str) -> None:
    path = export(record, tmp_path / "out")
    (path / name).write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        export(record, tmp_path / "out")
    assert (path / name).read_text() == "mine"


def test_a_link_in_the_bundle_s_place_is_not_followed(record: StudyRecord, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study-trial-0").symlink_to(elsewhere)
    with pytest.raises(InputError, match="holds something else"):
        export(record, tmp_path / "out")
    assert list(elsewhere.iterdir()) == []


def test_a_trial_that_is_not_complete_is_not_exported(record: StudyRecord, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trial 1 of 'study' is FAIL"):
        export_trials(record.study, [record.trial(0), record.trial(1)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_named(record: StudyRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/out"):
        export(record, tmp_path / "file" / "out")

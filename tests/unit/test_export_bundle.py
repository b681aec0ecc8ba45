"""Bundles: verified, whole or absent, readable by anybody, never written over something else."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from hpsearch import draft_folder
from hpsearch.errors import DataError, InputError
from hpsearch.export import bundle as bundle_module
from hpsearch.export import classifier, verification
from hpsearch.export.bundle import export_trials
from hpsearch.export.verification import VerificationError, verify_files
from hpsearch.storage.database import Database
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data import load_search_splits
from hpsearch.tuning.claims import ClaimedTrial, TrialQueue
from hpsearch.tuning.records import load_trial_weights, read_study_record, store_test_score
from tests.cli_runs import write_tiny_archive
from tests.scripted import curve_point, make_study
from tests.trained_study import BUNDLE_FILES, TrainedStudy, train_study

pytestmark = pytest.mark.slow  # bundles are written and verified

FILES = sorted(BUNDLE_FILES)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    """A study of two complete trials; no test changes it."""
    return train_study(tmp_path_factory.mktemp("trained"), trials=2)


def read_files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def read_manifest(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "manifest.json").read_text()))


def test_a_bundle_holds_configuration_weights_card_pictures_and_manifest(trained: TrainedStudy, tmp_path: Path) -> None:
    path = trained.export(tmp_path / "out")
    assert path == tmp_path / "out" / "study-trial-0"
    assert sorted(read_files(path)) == FILES
    with trained.open() as record:
        config = record.trial(0).config
    assert TrialConfig.model_validate_json((path / "config.json").read_text()) == config
    assert TrialConfig.model_validate(tomllib.loads((path / "config.toml").read_text())) == config
    assert (path / "curve.png").read_bytes().startswith(b"curve of 2 epochs: trial 0: ")


def test_plain_safetensors_loads_the_weights(trained: TrainedStudy, tmp_path: Path) -> None:
    path = trained.export(tmp_path)
    arrays = load_file(path / "model.safetensors")
    with trained.open() as record:
        weights = record.trial(0).weights
    assert sum(array.size for name, array in arrays.items() if name.split(".")[-1] in ("weight", "bias")) == weights


def test_the_manifest_has_the_figures_and_the_hash_of_every_file(trained: TrainedStudy, tmp_path: Path) -> None:
    path = trained.export(tmp_path)
    manifest = json.loads((path / "manifest.json").read_text())
    with trained.open() as record:
        trial = record.trial(0)
    assert (manifest["study"], manifest["trial"], manifest["validation_accuracy"]) == ("study", 0, trial.value)
    assert (manifest["test_accuracy"], manifest["test_openings"]) == (None, 0)
    assert (manifest["weights"], manifest["macs"]) == (trial.weights, trial.macs)
    assert manifest["parameters"].items() >= dict(trial.parameters).items()
    assert sorted(manifest["files"]) == [name for name in FILES if name != "manifest.json"]
    for name, entry in manifest["files"].items():
        content = (path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_the_manifest_says_what_was_verified(trained: TrainedStudy, tmp_path: Path) -> None:
    path = trained.export(tmp_path)
    verified = json.loads((path / "manifest.json").read_text())["verified"]
    images = len(load_search_splits(str(trained.archive), trained.cache_folder).validation)
    with trained.open() as record:
        recorded = record.trial(0).value
    assert verified["images"] == images
    assert verified["recorded_correct"] / images == recorded
    assert abs(verified["correct"] - verified["recorded_correct"]) <= verified["near_ties"]
    assert verified["model.safetensors"] == {
        "correct": verified["correct"],
        "largest_difference": 0.0,
        "same_top_1": 1.0,
    }


def test_nothing_in_a_bundle_tells_of_this_machine_but_the_configuration(trained: TrainedStudy, tmp_path: Path) -> None:
    files = read_files(trained.export(tmp_path))
    told = [name for name, content in files.items() if str(trained.folder).encode() in content]
    # The data set's path is a part of what is needed to train again.
    assert sorted(told) == ["config.json", "config.toml"]


def test_an_accuracy_that_the_weights_do_not_reach_ends_the_export_and_leaves_nothing(tmp_path: Path) -> None:
    trained = train_study(tmp_path / "trained", false_accuracy=0.01)
    with pytest.raises(VerificationError, match="the search recorded"):
        trained.export(tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("trained_on", "is_refused"), [("cpu", True), ("cuda:0", False)])
def test_a_count_may_differ_from_the_recorded_one_only_by_images_that_rounding_decides(
    trained: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained_on: str, is_refused: bool
) -> None:
    # As if every image were a near tie on a GPU, and none on this CPU.
    monkeypatch.setattr(verification, "RECORDED_TOLERANCE", {"cpu": 0.0, "other": 1.0})
    validation = load_search_splits(str(trained.archive), trained.cache_folder).validation
    with trained.open() as record:
        trial = record.trial(0)
        weights = load_trial_weights(record.study, trial)
    assert trial.config is not None
    assert trial.value is not None
    one_more = trial.value + 1 / len(validation)

    def verify() -> None:
        verify_files(tmp_path, trial.config, weights, validation, recorded_accuracy=one_more, trained_on=trained_on)

    if is_refused:
        with pytest.raises(VerificationError, match="the search recorded"):
            verify()
    else:
        verify()


def test_weights_that_read_back_differently_end_the_export_and_leave_nothing(
    trained: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = bundle_module.write_durably

    def corrupt(path: Path, content: bytes) -> None:
        # The last bytes are weights: another number, in a file that is as valid.
        write(path, content[:-1] + bytes([content[-1] ^ 1]) if path.name == "model.safetensors" else content)

    monkeypatch.setattr(bundle_module, "write_durably", corrupt)
    with pytest.raises(VerificationError, match=r"model\.safetensors does not give what the trained network gives"):
        trained.export(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("failing_write", range(1, len(FILES) + 1))
def test_an_export_that_fails_at_any_write_leaves_nothing(
    trained: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_write: int
) -> None:
    writes = []
    write = draft_folder.write_durably

    def fail(path: Path, content: bytes) -> None:
        writes.append(path)
        if len(writes) == failing_write:
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(bundle_module, "write_durably", fail)
    with pytest.raises(InputError, match="No space left on device"):
        trained.export(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_of_several_trials_none_is_exported_where_one_cannot_be_verified(tmp_path: Path) -> None:
    trained = train_study(tmp_path / "trained", trials=2)
    with trained.open() as record, record.study.database.transaction() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE trial_values SET value = 0.001 WHERE trial_id = :id"), {"id": 2})
    with trained.open() as record, pytest.raises(VerificationError):
        export_trials(record.study, record.trials, tmp_path / "out", trained.order())
    assert not (tmp_path / "out").exists()


def test_exporting_again_changes_nothing_and_needs_no_data(tmp_path: Path) -> None:
    trained = train_study(tmp_path / "trained")
    path = trained.export(tmp_path / "out")
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in path.iterdir()}
    trained.archive.unlink()
    assert trained.export(tmp_path / "out") == path
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in path.iterdir()} == before


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
def test_a_folder_that_holds_something_else_is_refused_and_kept(
    trained: TrainedStudy, tmp_path: Path, name: str
) -> None:
    path = trained.export(tmp_path / "out")
    (path / name).write_text("mine")
    with pytest.raises(InputError, match=r"holds something else: .* --out"):
        trained.export(tmp_path / "out")
    assert (path / name).read_text() == "mine"


def test_a_bundle_from_before_the_test_split_was_opened_is_refused(tmp_path: Path) -> None:
    trained = train_study(tmp_path / "trained")
    before = read_files(path := trained.export(tmp_path / "out"))
    with trained.open() as record:
        store_test_score(record.study, record.trial(0), accuracy=0.875, loss=1.0, images=80)
    with pytest.raises(InputError, match="holds something else"):
        trained.export(tmp_path / "out")
    assert read_files(path) == before
    later = read_manifest(trained.export(tmp_path / "later"))
    assert (later["test_accuracy"], later["test_openings"]) == (0.875, 1)


def test_a_link_in_the_bundle_s_place_is_not_followed(trained: TrainedStudy, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study-trial-0").symlink_to(elsewhere)
    with pytest.raises(InputError, match="holds something else"):
        trained.export(tmp_path / "out")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("is_same", [True, False])
def test_of_two_exports_at_once_the_first_one_s_files_stay(
    trained: TrainedStudy, tmp_path: Path, is_same: bool
) -> None:
    def export_meanwhile(_curve: object, _title: str) -> bytes:
        path = trained.export(tmp_path, draw_curve=lambda _curve, _title: b"first")
        if not is_same:
            (path / "config.toml").write_text("mine")
        return b"second"

    if is_same:
        path = trained.export(tmp_path, draw_curve=export_meanwhile)
    else:
        with pytest.raises(InputError, match="holds something else"):
            trained.export(tmp_path, draw_curve=export_meanwhile)
        path = tmp_path / "study-trial-0"
        assert (path / "config.toml").read_text() == "mine"
    assert (path / "curve.png").read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_trial_that_is_not_complete_is_not_exported_nor_are_those_beside_it(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        study = make_study(database, trials=2, epochs=1)
        queue = TrialQueue(study, "w", "cpu")
        for finish in (lambda trial: trial.complete(b"the weights"), lambda trial: trial.fail("broken")):
            trial = queue.claim()
            assert isinstance(trial, ClaimedTrial)
            trial.report(curve_point(0, 0.5))
            finish(trial)
        with pytest.raises(InputError, match="trial 1 of 'study' is FAIL"):
            export_trials(study, read_study_record(study).trials, tmp_path / "out", TrainedStudy(tmp_path).order())
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_named(trained: TrainedStudy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/out"):
        trained.export(tmp_path / "file" / "out")


def test_other_images_than_the_study_s_verify_nothing(trained: TrainedStudy, tmp_path: Path) -> None:
    other = write_tiny_archive(tmp_path / "other.npz", count=402)
    with pytest.raises(DataError, match="other images than study 'study' was made with"):
        trained.export(tmp_path / "out", dataset=str(other))
    assert not (tmp_path / "out").exists()


def test_the_study_s_images_may_lie_elsewhere(tmp_path: Path) -> None:
    trained = train_study(tmp_path / "trained")
    moved = trained.archive.rename(tmp_path / "moved.npz")
    with pytest.raises(DataError):
        trained.export(tmp_path / "out")
    assert sorted(read_files(trained.export(tmp_path / "out", dataset=str(moved)))) == FILES


def test_without_the_packages_for_onnx_all_is_what_can_be_written(
    trained: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "find_spec", lambda _name: None)
    assert sorted(read_files(trained.export(tmp_path, format="all"))) == FILES
    with pytest.raises(InputError, match=r"--format onnx needs onnx .*: pip install 'hpsearch\[onnx\]'"):
        trained.export(tmp_path / "more", format="onnx")
    with pytest.raises(InputError, match="--int8 needs onnx"):
        trained.export(tmp_path / "more", format="all", int8=True)


def test_int8_is_no_form_of_safetensors(trained: TrainedStudy, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--int8 is a form of ONNX"):
        trained.export(tmp_path / "out", int8=True)

"""`export`, `evaluate`, `predict` on a study that was trained in milliseconds."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hpsearch.export import classifier
from hpsearch.export.opened_bundle import open_bundle
from hpsearch.training.data import load_search_splits
from hpsearch.training.data.test_split import open_test_split
from tests.cli_runs import CommandRoom, Ended, write_tiny_archive
from tests.trained_study import BUNDLE_FILES, TrainedStudy, train_study


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    """Three complete trials; no test changes them."""
    return train_study(tmp_path_factory.mktemp("trained"), trials=3, epochs=15)


@pytest.fixture(scope="module")
def bundle(trained: TrainedStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best trial, with every file that there can be; no test changes it."""
    with trained.open() as record:
        assert record.best is not None
        number = record.best.number
    return trained.export(tmp_path_factory.mktemp("exported"), number, format="all", int8=True)


@pytest.fixture
def room(
    trained: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_STORAGE", trained.storage_url)
    monkeypatch.setenv("HPSEARCH_CACHE", str(trained.cache_folder))
    return CommandRoom(tmp_path, capsys)


@pytest.fixture
def image(room: CommandRoom, trained: TrainedStudy) -> Path:
    """A validation image as a file."""
    validation = load_search_splits(str(trained.archive), trained.cache_folder).validation
    path = room.folder / "image.png"
    Image.fromarray(validation.images[0, 0].numpy()).save(path)
    return path


def assert_refused(ended: Ended, *words: str, code: int = 2) -> None:
    assert (ended.code, ended.out) == (code, ""), ended
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.err


def list_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def read_json(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def find_ranking(trained: TrainedStudy) -> list[int]:
    with trained.open() as record:
        return [trial.number for trial in record.ranking]


def test_export_writes_the_best_trials_as_bundles(room: CommandRoom, trained: TrainedStudy) -> None:
    best = find_ranking(trained)[:2]
    ended = room.type("export", "study", "--top", "2", "--format", "safetensors", "--out", "networks")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split(":")[0] for line in ended.out.splitlines() if line.startswith("networks")] == [
        f"networks/study-trial-{number}" for number in best
    ]
    assert list_names(room.folder / "networks") == {f"study-trial-{number}" for number in best}
    for number in best:
        folder = room.folder / "networks" / f"study-trial-{number}"
        assert list_names(folder) == BUNDLE_FILES
        assert open_bundle(folder).manifest["trial"] == number
        for picture in ("curve.png", "confusion.png"):
            with Image.open(folder / picture) as opened:
                opened.verify()
    # The same again is no error, and a trial by its number goes beside them.
    again = room.type("export", "study", "--top", "2", "--format", "safetensors", "--out", "networks")
    assert (again.code, again.out) == (0, ended.out)
    last = find_ranking(trained)[2]
    number_alone = ("--trial", str(last), "--format", "safetensors", "--out", "networks")
    assert room.type("export", "study", *number_alone).code == 0
    assert len(list_names(room.folder / "networks")) == 3


@pytest.mark.slow
def test_export_writes_onnx_by_default_and_int8_when_it_is_asked_for(room: CommandRoom) -> None:
    ended = room.type("export", "study", "--int8")
    assert (ended.code, ended.err) == (0, "")
    (folder,) = (room.folder / "exports").iterdir()
    assert list_names(folder) == BUNDLE_FILES | {"model.onnx", "model-int8.onnx"}
    assert_refused(room.type("export", "study"), "holds something else", "--out")


def test_without_the_packages_for_onnx_export_says_which_command_installs_them(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "find_spec", lambda _name: None)
    ended = room.type("export", "study")
    assert (ended.code, ended.err) == (0, "")
    assert "without model.onnx" in ended.out
    assert "pip install 'hpsearch[onnx]'" in ended.out
    assert_refused(room.type("export", "study", "--format", "onnx"), "pip install 'hpsearch[onnx]'")


def test_what_export_cannot_take_is_refused_and_nothing_is_made(room: CommandRoom, tmp_path: Path) -> None:
    write_tiny_archive(tmp_path / "other.npz", count=99)
    for arguments, words in (
        (("--format", "pickle"), ("--format 'pickle'", "all, safetensors, onnx or tflite")),
        (("--int8", "--format", "safetensors"), ("--int8",)),
        (("--trial", "9"), ("it has 0 to 2",)),
        (("--dataset", "other.npz"), ("other images", "--dataset")),
        (("--dataset", "missing.npz"), ("missing.npz",)),
    ):
        assert_refused(room.type("export", "study", *arguments), *words)
        assert room.list_files() == ["other.npz"]


@pytest.mark.parametrize("model", [(), ("--onnx",), ("--int8",)], ids=lambda model: "".join(model) or "safetensors")
@pytest.mark.slow
def test_evaluate_measures_each_model_on_the_validation_split(
    room: CommandRoom, bundle: Path, model: tuple[str, ...]
) -> None:
    ended = room.type("evaluate", str(bundle), "--split", "validation", "--json", *model)
    assert (ended.code, ended.err) == (0, "")
    document = read_json(ended.out)
    manifest = open_bundle(bundle).manifest
    expected = manifest["int8"]["validation_accuracy"] if model == ("--int8",) else manifest["validation_accuracy"]
    assert document["accuracy"] == expected
    assert (document["split"], document["is_same_data"]) == ("validation", True)
    assert document["images"] == sum(row["images"] for row in document["classes"])
    assert document["correct"] == sum(row["correct"] for row in document["classes"])
    assert [row["class"] for row in document["classes"]] == ["0", "1", "2"]


def test_evaluate_opens_the_test_split_by_default_and_says_so(
    room: CommandRoom, bundle: Path, trained: TrainedStudy
) -> None:
    test_images = open_test_split(str(trained.archive), trained.cache_folder).test_images
    ended = room.type("evaluate", str(bundle))
    assert ended.code == 0
    assert "opening the test split" in ended.err
    assert f"{len(test_images):,} images" in ended.err
    assert f"of {len(test_images):,} test images" in ended.out
    document = read_json(room.type("evaluate", str(bundle), "--json").out)
    logits = open_bundle(bundle).load_classifier().compute_logits(test_images.images.numpy())
    assert document["correct"] == int((logits.argmax(1) == test_images.labels.numpy()).sum())
    wide = logits.astype(np.float64)
    shares = np.exp(wide) / np.exp(wide).sum(1, keepdims=True)
    losses = -np.log(shares[np.arange(len(wide)), test_images.labels.numpy()])
    assert document["loss"] == pytest.approx(losses.mean())


def test_evaluate_takes_other_images_of_the_same_shape_and_classes_alone(room: CommandRoom, bundle: Path) -> None:
    write_tiny_archive(room.folder / "more.npz", count=300)
    document = read_json(room.type("evaluate", str(bundle), "--dataset", "more.npz", "--json").out)
    assert (document["dataset"], document["is_same_data"], document["split"]) == ("more.npz", False, "all")
    (note,) = document["notes"]  # they are the first 300 of those 400 that the bundle was made with
    assert f"set aside: {300 - document['images']} of 300 images" in note
    assert "not the images that it was made with" in room.type("evaluate", str(bundle), "--dataset", "more.npz").out
    write_tiny_archive(room.folder / "wide.npz", side=9)
    assert_refused(room.type("evaluate", str(bundle), "--dataset", "wide.npz"), "1x9x9", "1x8x8")
    images, labels = np.zeros((60, 8, 8), np.uint8), np.arange(60) % 3
    np.savez(room.folder / "named.npz", images=images, labels=labels, class_names=np.array(["a", "b", "c"]))
    assert_refused(room.type("evaluate", str(bundle), "--dataset", "named.npz"), "a, b, c", "0, 1, 2")
    assert_refused(room.type("evaluate", str(bundle), "--dataset", "nowhere.npz"), "nowhere.npz")


def test_evaluate_refuses_the_bundle_s_own_data_where_they_have_changed_or_are_gone(
    room: CommandRoom, bundle: Path, tmp_path: Path
) -> None:
    trained = train_study(tmp_path / "trained")
    path = trained.export(tmp_path / "exported")
    moved = trained.archive.rename(room.folder / "moved.npz")
    assert_refused(room.type("evaluate", str(path)), "tiny.npz", "--dataset PATH")
    document = read_json(room.type("evaluate", str(path), "--dataset", str(moved), "--json").out)
    assert document["is_same_data"]
    write_tiny_archive(trained.archive, count=300)
    assert_refused(room.type("evaluate", str(path)), "other images", "--dataset")


def test_evaluate_refuses_what_it_cannot_take(room: CommandRoom, bundle: Path, trained: TrainedStudy) -> None:
    assert_refused(room.type("evaluate", str(bundle), "--split", "train"), "--split 'train'", "test, validation or all")
    assert_refused(room.type("evaluate", "nowhere"), "nowhere", "hpsearch export")
    without_onnx = trained.export(room.folder)
    assert_refused(room.type("evaluate", str(without_onnx), "--onnx"), "no model.onnx", "model.safetensors (no option)")
    spoilt = Path(shutil.copytree(bundle, room.folder / "spoilt"))
    (spoilt / "model.onnx").write_bytes(b"")
    for command in (("evaluate", "spoilt"), ("predict", "spoilt", "x.png")):
        assert_refused(room.type(*command), "model.onnx", "0 bytes")


@pytest.mark.parametrize("model", [(), ("--onnx",), ("--int8",)], ids=lambda model: "".join(model) or "safetensors")
@pytest.mark.slow
def test_predict_says_what_is_on_an_image(
    room: CommandRoom, bundle: Path, image: Path, trained: TrainedStudy, model: tuple[str, ...]
) -> None:
    label = int(load_search_splits(str(trained.archive), trained.cache_folder).validation.labels[0])
    ended = room.type("predict", str(bundle), "image.png", *model)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"image.png: {label} ")
    assert ended.out.endswith("%\n")
    document = read_json(room.type("predict", str(bundle), "image.png", "--top", "3", "--json", *model).out)
    ((prediction,), classes) = (document["predictions"], document["predictions"][0]["classes"])
    assert prediction["file"] == "image.png"
    assert (classes[0]["class"], {entry["class"] for entry in classes}) == (str(label), {"0", "1", "2"})
    probabilities = [entry["probability"] for entry in classes]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)


@pytest.mark.parametrize("model", [(), ("--onnx",)], ids=lambda model: "".join(model) or "safetensors")
def test_mirror_gives_an_image_and_its_mirror_image_one_answer(
    room: CommandRoom, bundle: Path, image: Path, model: tuple[str, ...]
) -> None:
    Image.open(image).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(room.folder / "mirrored.png")
    given = ("predict", str(bundle), "image.png", "mirrored.png", "--top", "3", "--json", *model)
    alone, both = read_json(room.type(*given).out), read_json((averaged := room.type(*given, "--mirror")).out)
    assert "note: the training saw no mirrored images" in averaged.err
    first, second = (entry["classes"] for entry in both["predictions"])
    assert (alone["mirror"], both["mirror"]) == (False, True)
    assert first == [{"class": each["class"], "probability": pytest.approx(each["probability"])} for each in second]
    assert alone["predictions"][0]["classes"] != alone["predictions"][1]["classes"]
    evaluated = room.type("evaluate", str(bundle), "--split", "validation", "--mirror", *model)
    assert "averaged over each image and its mirror image: twice the operations" in evaluated.out


def test_predict_takes_folders_and_gives_a_line_a_file_in_order(room: CommandRoom, bundle: Path, image: Path) -> None:
    for name in ("photos/b.png", "photos/below/a.png"):
        (room.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, room.folder / name)
    ended = room.type("predict", str(bundle), "photos", "image.png")
    assert [line.split(":")[0] for line in ended.out.splitlines()] == [
        "photos/b.png",
        "photos/below/a.png",
        "image.png",
    ]


def test_predict_refuses_what_it_cannot_take_by_name(room: CommandRoom, bundle: Path, image: Path) -> None:
    (room.folder / "empty").mkdir()
    (room.folder / "text.png").write_text("no image")
    (room.folder / "cut.png").write_bytes(image.read_bytes()[:60])
    Image.new("L", (16, 12)).save(room.folder / "large.png")
    for arguments, words in (
        (("empty",), ("empty", "no images")),
        (("nowhere.png",), ("nowhere.png",)),
        (("image.png", "--top", "4"), ("--top 4", "3 classes")),
        (("image.png", "--top", "0"), ("--top '0'", "at least 1")),
    ):
        assert_refused(room.type("predict", str(bundle), *arguments), *words)
    for arguments, words in (
        (("text.png",), ("text.png", "no image")),
        (("cut.png",), ("cut.png",)),
        (("large.png",), ("large.png", "16x12", "8x8", "--resize")),
        (("image.png", "text.png"), ("text.png",)),
    ):
        ended = room.type("predict", str(bundle), *arguments)
        assert (ended.code, ended.out.count("%")) == (1, arguments.count("image.png"))
        assert all(word in ended.err for word in words)
    assert room.type("predict", str(bundle), "large.png", "--resize").code == 0
    ended = room.type("predict", str(bundle))
    assert (ended.code, ended.out) == (2, "")


KILLED = """
    import os, signal, sys
    from pathlib import Path

    import onnxruntime  # each child would import it

    import hpsearch.export.bundle as bundle_module
    from hpsearch import draft_folder
    from tests.trained_study import TrainedStudy

    trained, out, model = TrainedStudy(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]).read_bytes()
    bundle_module.convert_to_onnx = lambda *_arguments: model  # what takes seconds, and writes nothing

    trained.export(out.parent / "warm")

    def export_and_die(folder, at):
        "Killed before the `at`-th thing that changes the disk, and of a file's content after half of it."
        seen = 0
        def count():
            nonlocal seen
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
        def halves(path, content):
            with path.open("wb", buffering=0) as file:
                file.write(content[: len(content) // 2])
                count()
                file.write(content[len(content) // 2 :])
            draft_folder.sync_file(path)
        def watch(event, arguments):
            where = arguments[0] if arguments else None
            if event in ("open", "os.mkdir", "os.rename") and str(where).startswith(str(folder)):
                if event != "open" or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
                    count()
        bundle_module.write_durably = halves
        sys.addaudithook(watch)
        trained.export(folder, format="all")

    at = 0
    while True:
        at += 1
        folder = out / str(at)
        folder.mkdir()
        child = os.fork()
        if child == 0:
            export_and_die(folder, at)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, status
    print(at)
"""


@pytest.mark.slow
@pytest.mark.fault
def test_an_export_that_is_killed_at_any_write_is_whole_or_absent(tmp_path: Path, bundle: Path) -> None:
    trained = train_study(tmp_path / "trained")
    (model := tmp_path / "model.onnx").write_bytes(
        (trained.export(tmp_path / "first", format="onnx") / "model.onnx").read_bytes()
    )
    (out := tmp_path / "out").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(trained.folder), str(out), str(model)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == 0, ended.stderr
    points = int(ended.stdout)
    # A folder, eight files (begun, half written), a new name: at each of them one process was killed.
    assert points - 1 >= 1 + 2 * 8 + 1
    absent = 0
    for number in range(1, points + 1):
        folder = out / str(number)
        target = folder / "study-trial-0"
        if target.exists():
            assert list_names(target) == BUNDLE_FILES | {"model.onnx"}
            open_bundle(target)
        else:
            absent += 1
    assert absent == points - 1, "the name comes last"
    # The next export of the same trial takes away what the dead ones left.
    for number in (1, points // 2, points - 1):
        folder = out / str(number)
        assert open_bundle(trained.export(folder))
        assert list_names(folder) == {"study-trial-0"}


@pytest.mark.slow
@pytest.mark.fault
def test_an_export_that_is_stopped_by_a_signal_leaves_nothing(tmp_path: Path) -> None:
    trained = train_study(tmp_path / "trained")
    code = """
        import os, signal, sys
        from pathlib import Path
        import hpsearch.export.bundle as bundle_module
        from hpsearch.cli import main

        write = bundle_module.write_durably
        def interrupt(path, content):
            write(path, content)
            os.kill(os.getpid(), signal.SIGINT)
        bundle_module.write_durably = interrupt
        sys.exit(main(["export", "study", "--format", "safetensors"]))
    """
    environment = os.environ | {"HPSEARCH_STORAGE": trained.storage_url, "HPSEARCH_CACHE": str(trained.cache_folder)}
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert (ended.returncode, ended.stdout) == (128 + signal.SIGINT, ""), ended.stderr
    assert "Traceback" not in ended.stderr
    assert list_names(tmp_path) == {"trained"}

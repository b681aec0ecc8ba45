"""Whatever is given - files, folders, flags, addresses - ends well or with one line that says what is wrong.

A few dozen inputs a surface by default; HPSEARCH_FUZZ=10000 gives each as many. What fails is kept by Hypothesis.
"""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from PIL import Image

from hpsearch.cli.flags import hide_password, parse_workers, read_number
from hpsearch.dataset import InputShape, Preparation
from hpsearch.durations import parse_duration
from hpsearch.engines.gpus import parse_gpu_share
from hpsearch.errors import HpsearchError
from hpsearch.export.config_file import read_config
from hpsearch.export.image_files import compare_brightness, read_table
from hpsearch.export.opened_bundle import open_bundle
from hpsearch.sessions.request import read_request
from hpsearch.storage.url import parse_storage_url
from hpsearch.study.file import parse_study_spec, read_study_file, read_study_text
from hpsearch.study.plan_file import parse_plan_file
from hpsearch.training.data.formats.choice import read_own
from hpsearch.training.data.formats.reading import Reading
from hpsearch.training.data.image_reading import read_image
from hpsearch.training.data.located_dataset import describe_dataset
from hpsearch.training.data.own_images import OwnImages
from tests.tiny_datasets import encode_idx
from tests.trained_study import train_study

INPUTS = int(os.environ.get("HPSEARCH_FUZZ") or min(settings().max_examples, 30))
many = settings(
    max_examples=INPUTS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(0 if INPUTS > 100 else 300)]

_RANDOM = np.random.default_rng(0)
_IMAGES = _RANDOM.integers(0, 256, (12, 4, 4), dtype=np.uint8)
_LABELS = np.arange(12) % 2

edits = st.lists(
    st.tuples(
        st.integers(0, 2**20), st.sampled_from(["set", "insert", "drop", "cut", "double"]), st.binary(max_size=5)
    ),
    max_size=5,
)
texts = st.text(max_size=30) | st.text(st.characters(), max_size=6).map(lambda text: text + "\udcff\x1b\n")


def mutate(content: bytes, changes: list[tuple[int, str, bytes]]) -> bytes:
    """The content with some of its bytes changed, moved, lost or cut off."""
    found = bytearray(content)
    for place, kind, new in changes:
        at = place % (len(found) + 1)
        if kind == "set":
            found[at : at + len(new)] = new
        elif kind == "insert":
            found[at:at] = new
        elif kind == "drop":
            del found[at : at + 1 + len(new)]
        elif kind == "cut":
            del found[at:]
        else:
            found[at:at] = found[at : at + 40]
    return bytes(found)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def try_own(path: Path, place: Path, preparation: Preparation | None = None) -> None:
    """Read a data set as a search and as an evaluation would."""
    for least_classes in (2, 1):
        with suppress(HpsearchError):
            given_images = read_own(Reading(path, place / "cache", preparation, least_classes))
            if least_classes == 2:
                assert OwnImages.divide("own", given_images, preparation).identity.train_count > 0
    shutil.rmtree(place / "cache", ignore_errors=True)


def save(image: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


_PICTURE = Image.fromarray(_RANDOM.integers(0, 256, (9, 7, 3), dtype=np.uint8))
_PICTURES = [save(_PICTURE, form) for form in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")]
_PICTURES += [save(_PICTURE.convert(mode), "PNG") for mode in ("L", "P", "RGBA", "LA", "1", "I;16")]
_PICTURES += [save(_PICTURE.convert(mode), "TIFF") for mode in ("CMYK", "F", "I")]


@many
@given(st.sampled_from(_PICTURES), edits, st.sampled_from([None, Preparation(size=8), Preparation(size=5, grey=True)]))
@example(_PICTURES[-2], [(37, "double", b"")], None)  # a TIFF without a width
def test_images(place: Path, picture: bytes, changes: Any, preparation: Preparation | None) -> None:
    content = mutate(picture, changes)
    with suppress(HpsearchError):
        read = read_image(place / "image.png", content, preparation=preparation)
        assert read.convert(3).shape[0] == 3
        assert preparation is None or read.size == (preparation.size, preparation.size)


def write_table(rows: list[list[Any]], head: str, delimiter: str = ",") -> bytes:
    return "\n".join([head, *(delimiter.join(map(str, row)) for row in rows)]).encode()


_PIXELS = write_table(
    [[label, *image.ravel()] for label, image in zip(_LABELS, _IMAGES, strict=True)],
    ",".join(["label", *(f"pixel{number}" for number in range(16))]),
)
_PATHS = write_table([[f"{number}.png", f"k{number % 2}"] for number in range(6)], "path,label")
_CELLS = write_table(
    [[label, " ".join(map(str, image.ravel())), "Training"] for label, image in zip(_LABELS, _IMAGES, strict=True)],
    "emotion,pixels,Usage",
)


@many
@given(st.sampled_from([_PIXELS, _PATHS, _CELLS]), edits, st.sampled_from(["a.csv", "a.tsv", "a.csv.gz"]))
@example(b"emotion,pixels\n0", [], "a.csv")  # a first row without its image
def test_tables(place: Path, table: bytes, changes: Any, name: str) -> None:
    folder = place / "table"
    folder.mkdir(exist_ok=True)
    for number in range(6):
        if not (folder / f"{number}.png").exists():
            Image.fromarray(_IMAGES[number]).save(folder / f"{number}.png")
    path = folder / name
    path.write_bytes(mutate(table, changes))
    try_own(path, place)
    with suppress(HpsearchError):
        read_table(path, InputShape(1, 4, 4), resizes=False)
    path.unlink()


def pack(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


_ARCHIVE = pack(x_train=_IMAGES, y_train=_LABELS, x_test=_IMAGES[:4], y_test=_LABELS[:4])
_dtypes = st.sampled_from(["u1", "i1", "i8", "u8", "f2", "f4", "f8", "b1", "c8", "U3", "S2", "M8[s]"])
_shapes = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
_arrays = _dtypes.flatmap(lambda dtype: arrays_of.arrays(np.dtype(dtype), _shapes))
_keys = st.sampled_from(
    ["x_train", "y_train", "X_train", "images", "labels", "x_val", "y_val", "class_names", "x", "y"]
)


@many
@given(edits)
def test_damaged_archives(place: Path, changes: Any) -> None:
    path = place / "a.npz"
    path.write_bytes(mutate(_ARCHIVE, changes))
    try_own(path, place)


@many
@given(st.dictionaries(_keys, _arrays, max_size=5))
def test_archives_of_any_arrays(place: Path, arrays: dict[str, np.ndarray]) -> None:
    path = place / "b.npz"
    path.write_bytes(pack(**arrays))
    try_own(path, place, Preparation(size=4))


_files = st.sampled_from(
    ["train.npz", "Test.npz", "k-test-imgs.npz", "k-test-labels.npz", "x_train.npy", "Y_train.npy"]
)


@many
@given(st.dictionaries(_files, st.dictionaries(_keys, _arrays, max_size=3) | _arrays, max_size=4), edits)
def test_folders_of_any_arrays(place: Path, files: dict[str, dict[str, np.ndarray] | np.ndarray], changes: Any) -> None:
    folder = place / "apart"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        with (folder / name).open("wb") as file:
            if isinstance(content, dict):
                np.savez(file, **content)
            elif name.endswith(".npz"):
                np.savez(file, content)
            else:
                np.save(file, content)
    try_own(folder, place, Preparation(size=4))
    for name in files:
        (folder / name).write_bytes(mutate((folder / name).read_bytes(), changes))
        break
    try_own(folder, place)


_IDX = {"train-images-idx3-ubyte": encode_idx(_IMAGES), "train-labels-idx1-ubyte": encode_idx(_LABELS)}


@many
@given(st.sampled_from(sorted(_IDX)), edits)
def test_idx_files(place: Path, name: str, changes: Any) -> None:
    folder = place / "idx"
    folder.mkdir(exist_ok=True)
    for each, content in _IDX.items():
        (folder / each).write_bytes(mutate(content, changes) if each == name else content)
    try_own(folder, place)


def make_parquet() -> bytes:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"image": [{"bytes": _PICTURES[0], "path": None}] * 6, "label": [0, 1] * 3})
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    return stream.getvalue()


@many
@given(edits)
def test_parquet_files(place: Path, changes: Any) -> None:
    path = place / "a.parquet"
    path.write_bytes(mutate(make_parquet(), changes))
    try_own(path, place)


_file_names = st.sampled_from(
    ["a.png", "b.jpg", "c.txt", ".hidden", "Thumbs.db", "d", "caf\udce9.png", "e\n.png", "\u0301.png", "train", "test"]
)
_class_names = st.sampled_from(
    ["a", "b", "train", "test", "val", "__MACOSX", ".git", "caf\udce9", "x\x1b[2J", " ", "A", "e\u0301", "é"]
)
_contents = st.sampled_from([*_PICTURES, b"", b"no image"])
_folders = st.dictionaries(_class_names, st.dictionaries(_file_names, _contents, max_size=3), max_size=4)


def write_folder(folder: Path, classes: dict[str, dict[str, bytes]]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, files in classes.items():
        (folder / name).mkdir(exist_ok=True)
        for file, content in files.items():
            (folder / name / file).write_bytes(content)


@many
@given(_folders, st.none() | st.sampled_from(["train", "test", "deep"]), st.sampled_from([None, Preparation(size=4)]))
def test_folders(place: Path, classes: Any, below: str | None, preparation: Preparation | None) -> None:
    folder = place / "folder"
    write_folder(folder if below is None else folder / below, classes)
    try_own(folder, place, preparation)


@many
@given(texts)
def test_names_and_paths_of_data_sets(place: Path, name: str) -> None:
    with suppress(HpsearchError):
        describe_dataset(name, place / "none")


_SEARCH = b"""version = 1\nname = "a"\ndataset = "mnist"\narch = "fcn"\nbudget = "20k"\ntrials = 4\nepochs = 2\nseed = 3
sampler = "tpe"\nimage_size = 16\ngrey = true\n[space]\nlr = {low = 1e-4, high = 1e-1, log = true}\ndepth = [1, 2]\n"""
_TRAIN = b"""title = "t"\nbudget = "100k"\nreplicates = 2\n[architecture]\narch = "fcn"\nwidths = [10, 20]\n[recipe]
epochs = 2\noptimizer = ["adam", "sgd"]\n[[variant]]\nlabel = "b"\nepochs = 3\n"""


@many
@given(st.sampled_from([_SEARCH, _TRAIN]), edits)
def test_study_files(place: Path, content: bytes, changes: Any) -> None:
    path = place / "study.toml"
    path.write_bytes(mutate(content, changes))
    with suppress(HpsearchError):
        parse_study_spec(read_study_file(path))
    with suppress(HpsearchError):
        parse_plan_file(read_study_text(path))


_FLAGS = ("budget", "arch", "dataset", "trials", "epochs", "time", "sampler", "pruner", "seed", "name", "image_size")
_given = texts | st.sampled_from(["fcn", "cnn", "100k", "1", "-1", "1e9", "tpe", "4m", "auto", "nan", "9" * 40, "64"])


@many
@given(st.dictionaries(st.sampled_from(_FLAGS), _given, max_size=5), _given, _given)
@example({"budget": "0\x1f"}, "", "9" * 5000)  # what strip takes away and int does not; more digits than int takes
def test_flags(flags: dict[str, str], device: str, workers: str) -> None:
    named = {name: read_number(value) for name, value in flags.items()}
    with suppress(HpsearchError):
        read_request(None, {"budget": "10k", "arch": "fcn"} | named, device, parse_workers(workers))
    for parse in (parse_workers, parse_gpu_share):
        with suppress(HpsearchError):
            parse(workers)
    with suppress(HpsearchError):
        parse_duration(workers, "--time")


_schemes = st.sampled_from(
    ["sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://", "mysql://", "http:", ""]
)
_url_parts = st.text(st.sampled_from("abc:@/?#[]%{}=&. 5432é\n\\"), max_size=30) | texts


@many
@given(_schemes, _url_parts)
def test_addresses_of_databases(scheme: str, rest: str) -> None:
    with suppress(HpsearchError):
        parse_storage_url(scheme + rest)
    hide_password(scheme + rest)
    hide_password(f"--storage={scheme}{rest}")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trained = train_study(tmp_path_factory.mktemp("trained"))
    exported: Path = trained.export(tmp_path_factory.mktemp("exported"))
    return exported


@many
@given(st.data(), edits, st.booleans())
def test_bundles(bundle: Path, place: Path, data: st.DataObject, changes: Any, signs: bool) -> None:
    """With the hashes of the manifest made to fit, too: whoever changes a file can change those."""
    names = sorted(path.name for path in bundle.iterdir() if path.suffix in (".json", ".toml", ".safetensors", ".bin"))
    name = data.draw(st.sampled_from(names))
    copy = place / "bundle"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)
    before = (copy / name).read_bytes()
    after = mutate(before, changes)
    (copy / name).write_bytes(after)
    if signs and name != "manifest.json":
        sign(copy, before, after)
    images = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    with suppress(HpsearchError):
        opened = open_bundle(copy)
        opened.load_classifier("model.safetensors").compute_logits(images)
        compare_brightness(images, opened.manifest.get("brightness"))
    with suppress(HpsearchError):
        read_config(copy)


def sign(folder: Path, before: bytes, after: bytes) -> None:
    manifest = folder / "manifest.json"
    old, new = (hashlib.sha256(content).hexdigest() for content in (before, after))
    manifest.write_text(manifest.read_text().replace(old, new))

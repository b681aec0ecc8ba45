"""A bundle read back: whole and as its manifest says, or refused with the name of what is wrong."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.errors import InputError
from hpsearch.export.opened_bundle import open_bundle
from tests.trained_study import train_study


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bundles of different networks; no test changes them."""
    trained = train_study(tmp_path_factory.mktemp("trained"), trials=2)
    folder = tmp_path_factory.mktemp("exported")
    for number in range(2):
        trained.export(folder, number)
    return folder


@pytest.fixture
def bundle(exported: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(exported / "study-trial-0", tmp_path / "bundle"))


def change_manifest(bundle: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def replace_file(bundle: Path, name: str, content: bytes) -> None:
    """Another file, to which the manifest agrees."""
    (bundle / name).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    change_manifest(bundle, lambda manifest: manifest["files"].update({name: entry}))


def assert_refused(bundle: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        open_bundle(bundle).load_classifier()
    for word in words:
        assert word in str(caught.value)


def test_a_bundle_gives_its_configuration_and_a_network_that_works(bundle: Path) -> None:
    opened = open_bundle(bundle)
    assert opened.config.dataset.input_shape == (1, 8, 8)
    logits = opened.load_classifier().compute_logits(np.zeros((5, 1, 8, 8), np.uint8))
    assert (logits.shape, logits.dtype) == ((5, 3), np.float32)


def test_a_file_of_one_s_own_beside_the_others_does_no_harm(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("mine")
    open_bundle(bundle)


@pytest.mark.slow
def test_every_file_is_checked(exported: Path, tmp_path: Path) -> None:
    for name in json.loads((exported / "study-trial-0" / "manifest.json").read_text())["files"]:
        for kind in ("changed", "longer", "missing"):
            bundle = Path(shutil.copytree(exported / "study-trial-0", tmp_path / f"{name}-{kind}"))
            content = (bundle / name).read_bytes()
            if kind == "missing":
                (bundle / name).unlink()
                assert_refused(bundle, f"{name}' is missing")
            elif kind == "changed":
                (bundle / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
                assert_refused(bundle, f"{name}' was changed", "SHA-256", "hpsearch export")
            else:
                (bundle / name).write_bytes(content + b" ")
                assert_refused(bundle, f"{name}' has {len(content) + 1:,} bytes")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ("no JSON",)),
        (b"\xff\xfe", ("no JSON",)),
        (b"[" * 100_000, ("no JSON",)),
        (b"[]", ("no version",)),
        (b'{"version": true}', ("no version",)),
        (b'{"version": 2}', ("version 2", "up to 1", "pip install --upgrade hpsearch")),
        (b'{"version": 1}', ("lists no files",)),
        (b'{"version": 1, "files": {"../x": {"sha256": "", "bytes": 0}}}', ("'../x'", "no file of a bundle")),
        (b'{"version": 1, "files": {"/etc/passwd": {"sha256": "", "bytes": 0}}}', ("no file of a bundle",)),
        (b'{"version": 1, "files": {"README.md": 1}}', ("no SHA-256 of README.md",)),
        (b" " * 1_000_001, ("1,000,000 bytes",)),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_manifest_that_cannot_be_taken_is_named(bundle: Path, content: bytes, words: tuple[str, ...]) -> None:
    (bundle / "manifest.json").write_bytes(content)
    assert_refused(bundle, "manifest.json", *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, ("version 2", "up to 1")),
        ({"version": None}, ("no version",)),
        ({"seed": -1}, ("seed", "-1")),
        ({"architecture": {"arch": "fcn", "widths": []}}, ("widths",)),
        ({"budget": 3}, ("over its budget",)),
        ({"strange": 1}, ("strange",)),
    ],
    ids=str,
)
def test_a_configuration_that_cannot_be_taken_is_named(
    bundle: Path, change: dict[str, Any], words: tuple[str, ...]
) -> None:
    document = json.loads((bundle / "config.json").read_text())
    replace_file(bundle, "config.json", json.dumps(document | change).encode())
    assert_refused(bundle, "config.json", *words)


def test_weights_of_another_architecture_are_refused(bundle: Path, exported: Path) -> None:
    replace_file(bundle, "model.safetensors", (exported / "study-trial-1" / "model.safetensors").read_bytes())
    assert_refused(bundle, "model.safetensors", "does not fit config.json")


def test_weights_that_are_no_safetensors_are_refused(bundle: Path) -> None:
    replace_file(bundle, "model.safetensors", b"nothing of the kind")
    assert_refused(bundle, "model.safetensors", "does not fit config.json")


def test_a_link_inside_is_not_followed(bundle: Path, tmp_path: Path) -> None:
    moved = (bundle / "config.json").rename(tmp_path / "config.json")
    (bundle / "config.json").symlink_to(moved)
    assert_refused(bundle, "config.json", "is a link")


def test_what_is_no_bundle_is_refused_with_what_to_give(bundle: Path, tmp_path: Path) -> None:
    assert_refused(tmp_path / "nowhere", "nowhere", "hpsearch export")
    assert_refused(bundle / "config.json", "is no folder")
    assert_refused(tmp_path, "has no manifest.json")
    assert_refused(Path("zero\0byte"), "zero")


def test_a_model_that_a_bundle_lacks_is_named_with_those_that_it_has(bundle: Path) -> None:
    with pytest.raises(InputError, match=r"has no model\.onnx; it has model\.safetensors"):
        open_bundle(bundle).load_classifier("model.onnx")

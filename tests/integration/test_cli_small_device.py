"""From a folder of images of two classes to a file for a small device, whatever the size of the images."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.export.micro_interpreter import has_micro_interpreter
from tests.cli_runs import CommandRoom

pytest.importorskip("ai_edge_litert")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]

GENERATOR = np.random.default_rng(0)
SEARCH = ("--arch", "cnn", "--trials", "1", "--epochs", "2", "--workers", "1", "--device", "cpu")
RAM, FLASH = 24 * 1024, 16 * 1024


def do(room: CommandRoom, *arguments: str) -> str:
    ended = room.type(*arguments)
    assert ended.code == 0, ended.err
    return ended.out


def draw_folder(folder: Path, height: int, width: int) -> None:
    """Thirty colour images of each of two classes: a bright half on the left or on the right."""
    for place in range(60):
        name = ("left", "right")[place % 2]
        pixels = GENERATOR.integers(0, 90, (height, width, 3), dtype=np.uint8)
        half = slice(0, width // 2) if name == "left" else slice(width // 2, width)
        pixels[:, half] += 150
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name / f"{place}.png")


def test_a_folder_of_two_classes_becomes_a_verified_file_within_the_limits(room: CommandRoom) -> None:
    draw_folder(room.folder / "halves", 40, 24)
    limits = ("--ram", "24k", "--flash", "16k")
    assert "within" not in do(room, "data", "fetch", "halves")
    assert "binds" in do(room, "plan", "--arch", "cnn", "--dataset", "halves", *limits)
    do(room, "run", "--dataset", "halves", *limits, *SEARCH, "--int8", "--study", "own", "--quiet")
    best = json.loads(do(room, "best", "own", "--json"))
    assert "in whole numbers" in do(room, "show", "own", "--trial", "0")
    said = do(room, "export", "own", "--format", "tflite")
    manifest = json.loads((room.folder / "exports" / "own-trial-0" / "manifest.json").read_text())
    facts = manifest["tflite"]
    assert manifest["int8_validation_accuracy"] == best["int8_validation_accuracy"] is not None
    assert best["int8_validation_accuracy"] == pytest.approx(facts["validation_accuracy"], abs=0.15)
    assert facts["input"]["shape"] == [1, 40, 24, 3]
    assert facts["over_limits"] == []
    assert facts["file_int8_bytes_without_metadata"] <= FLASH
    if has_micro_interpreter():
        head = facts["micro"]["arena_head_bytes"]
        assert head == facts["ram_int8_bytes"] <= RAM
        assert f"arena of {head:,} + " in said
    evaluated = json.loads(do(room, "evaluate", "exports/own-trial-0", "--tflite", "--split", "validation", "--json"))
    assert evaluated["accuracy"] == facts["validation_accuracy"]

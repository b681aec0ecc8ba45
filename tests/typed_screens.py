"""What the commands print that change a study or carry it away, typed one after the other on one that was trained.

`python -m tests.typed_screens` writes it to tests/screens/, where a test compares; look at what changed.
"""

import re
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli_runs import type_apart
from tests.screens import FOLDER
from tests.trained_study import train_study

FILE = "typed.txt"

COMMANDS = """
hpsearch best study
hpsearch export study --format safetensors
hpsearch predict exports/study-trial-0 image.png
hpsearch track study --tensorboard boards
hpsearch track study
hpsearch stop study
hpsearch enqueue study exports/study-trial-0/config.json
hpsearch resume study --trials +1
hpsearch enqueue study exports/study-trial-0/config.json
hpsearch stop study
hpsearch worker study
hpsearch resume study
hpsearch requeue study --trial 1
hpsearch create --study next --dataset tiny.npz --arch cnn --budget 3k --trials 4 --epochs 2
hpsearch create --study next --dataset tiny.npz --arch cnn --budget 3k --trials 4 --epochs 3
hpsearch status next
hpsearch data fetch tiny.npz
hpsearch backup --out copy.db
hpsearch backup --out copy.db
hpsearch delete next
hpsearch delete next --yes
hpsearch list
""".strip().splitlines()
"""In this order."""

_TIMES = re.compile(r"\d+(\.\d+)?( |&nbsp;)s\b|\d+m \d\ds|\d\d\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?|[\d.]+ (KiB|MiB|MB)")
_COURSE = re.compile(r"(?<=\npace ).*|(?<=\ncurve).*\n.*|(?<=^image.png: ).*")
"""What is another on other machines."""


def type_all() -> str:
    """What is typed, with what is printed through a pipe."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_study(folder, trials=3, epochs=20)  # until each says every image rightly, on any machine
        Image.fromarray(np.full((8, 8), 200, np.uint8)).save(folder / "image.png")
        return "\n".join(_type(folder, command) for command in COMMANDS)


def _type(folder: Path, command: str) -> str:
    ended = type_apart(folder, *command.split()[1:])
    printed = "".join(_hide(folder, text) for text in (ended.out, ended.err) if text)
    return f"$ {command}\n{printed}{f'[exits with {ended.code}]' if ended.code else ''}".rstrip() + "\n"


def _hide(folder: Path, text: str) -> str:
    """With dots for what is another in each run."""
    text = text.replace(str(folder), "...")
    return _COURSE.sub("...", _TIMES.sub("...", text))


if __name__ == "__main__":
    (FOLDER / FILE).write_text(type_all(), encoding="utf-8")

"""The commands of the README's table, typed from above to below on images of a few pixels."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli_runs import CommandRoom, write_tiny_archive

ROOT = Path(__file__).parents[2]
_TABLE = re.compile(r"^\| .* \|$", re.MULTILINE)
_COMMAND = re.compile(r"`hpsearch ([^`]+)`")

SHORT = "--dataset fashion-mnist.npz --trials 1 --epochs 1 --workers 1"
"""Behind a command that searches; what is said twice counts as it was said last."""
STUDY, BUNDLE = "fashion-mnist-cnn-100k", "exports/fashion-mnist-cnn-100k-trial-0"

TYPED = {
    "run --budget 100k --arch cnn": "run --budget 100k --arch cnn --dataset fashion-mnist.npz --trials 4 "
    "--epochs 1 --workers 1 --no-portfolio --pruner none",
    "plan --budget 10k --arch cnn": f"plan --budget 10k --arch cnn {SHORT}",
    "run --budget 100k --arch cnn --time 1h": "run --budget 100k --arch cnn --time 40s --study timed "
    "--dataset fashion-mnist.npz --workers 1",
    "run --budget 50k --arch fcn --trials 40 --epochs 30 --seed 1": f"run --budget 50k --arch fcn --seed 1 {SHORT}",
    "predict exports/digits-cnn-100k-trial-7 --csv test.csv": "predict BUNDLE --csv test.csv",
    "run --arch cnn --ram 64k --flash 128k --macs 2m": f"run --arch cnn --ram 64k --flash 128k --macs 2m {SHORT}",
    "run studies/quick.toml --trials 5": f"run studies/quick.toml {SHORT}",
    "run --budget 10k,20k,50k --arch fcn,cnn": f"run --budget 1k --arch fcn,cnn --study ladder {SHORT}",
    "run --budget 20k --arch cnn --from fashion-mnist-cnn-100k": "run --budget 20k --arch cnn "
    f"--from fashion-mnist-cnn-100k --study from {SHORT}",
    "run --budget 100k --arch fcn --teacher fashion-mnist-cnn-100k": "run --budget 100k --arch fcn "
    f"--teacher fashion-mnist-cnn-100k {SHORT}",
    "run --budget 100k --arch cnn --no-portfolio": f"run --budget 100k --arch cnn --no-portfolio --study drawn {SHORT}",
    "export STUDY --format tflite": "export STUDY --format tflite --out small",
    "export STUDY --top 3": "export STUDY --top 3 --format safetensors",
    "finalists STUDY --top 3 --replicates 5": "finalists STUDY --top 2 --replicates 2 --workers 1",
    "finalists STUDY --on train+validation": "finalists STUDY --top 1 --replicates 1 --on train+validation --workers 1",
    "replay STUDY --trial 7": "replay STUDY --trial 3",
    "train BUNDLE --replicates 5": "train BUNDLE --replicates 1 --epochs 1 --workers 1",
    "worker STUDY --workers auto": "worker shared --workers auto",
    "enqueue STUDY exports/BUNDLE": "enqueue waits BUNDLE",
}
"""What stands for a command that would take long, or of which this room has something else."""
FIRST = {
    "predict exports/digits-cnn-100k-trial-7 --csv test.csv": "export STUDY --format safetensors --top 4",
    "worker STUDY --workers auto": f"create --budget 10k --arch fcn --study shared {SHORT}",
    "enqueue STUDY exports/BUNDLE": f"create --budget 100k --arch cnn --study waits {SHORT} --trials 4",
}
"""What is typed before a command, for it to have something to work on."""
ELSEWHERE = {
    "dashboard": ("test_dashboard_command.py", '"dashboard"'),
    "run studies/004-cnn-budgets.toml --replicates 5": ("test_cli_planned.py", '"mine.toml", "--replicates"'),
    "run --budget 100k --arch cnn --trials 500 --on ray --workers 64": ("test_cli_ray.py", '"--on", "ray"'),
    "launch STUDY --on slurm --workers 32 --time 4h": ("test_slurm.py", '"launch", "study", "--on", "slurm"'),
    "status STUDY --watch": ("test_cli_status.py", '"status", "study", "--watch"'),
}
"""What goes on for ever, takes long or needs machines has a test of its own: its file, and what that has of it."""


def list_commands() -> list[str]:
    """What the table has behind `hpsearch`, in its order."""
    rows = _TABLE.findall((ROOT / "README.md").read_text().partition("## What to type")[2])
    return [command for row in rows for command in _COMMAND.findall(row)]


@pytest.fixture
def furnished_room(room: CommandRoom) -> CommandRoom:
    """With the data, the pictures and the files that the commands name."""
    write_tiny_archive(room.folder / "fashion-mnist.npz")
    shutil.copytree(ROOT / "studies", room.folder / "studies")
    pixels = np.random.default_rng(0).integers(0, 256, (12, 9, 7, 3), np.uint8)
    for index, picture in enumerate(pixels):
        folder = room.folder / "photos" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{index}.png")
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(room.folder / "image.png")
    (room.folder / "test.csv").write_text(
        f"{','.join(f'pixel{index}' for index in range(64))}\n{','.join(['200'] * 64)}\n"
    )
    return room


@pytest.mark.usefixtures("forked_workers")
def test_the_commands_of_the_table_do_what_they_are_there_for(furnished_room: CommandRoom) -> None:
    room, commands = furnished_room, list_commands()
    assert {*TYPED, *FIRST, *ELSEWHERE} <= set(commands)
    assert len(commands) > 30
    for command in commands:
        if command in ELSEWHERE:
            file, words_there = ELSEWHERE[command]
            assert words_there in (Path(__file__).parent / file).read_text()
            continue
        for typed in (FIRST.get(command), TYPED.get(command, command)):
            if typed is None:
                continue
            words = shlex.split(re.sub(r"\bBUNDLE\b", BUNDLE, re.sub(r"\bSTUDY\b", STUDY, typed)))
            ended = room.type(*words)
            assert ended.code == 0, (typed, ended.err)
    assert (room.folder / "FILE.db").exists()

"""README's commands, typed from above to below on images of a few pixels."""

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
_TYPED = re.compile(r"`([^`]+)`")
NO_COMMANDS = {"train", "val", "test", ".npz", ".npy"}
"""What the table has in the same letters besides `pip install`: folders and files."""

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
    "--dataset photos/ --image-size 64": "run --budget 2k --arch fcn --dataset photos/ --image-size 12 --trials 1 "
    "--epochs 1 --workers 1",
    "predict exports/digits-cnn-100k-trial-7 --csv test.csv": "predict BUNDLE --csv test.csv",
    "run --arch cnn --ram 64k --flash 128k --macs 2m": f"run --arch cnn --ram 64k --flash 128k --macs 2m {SHORT}",
    "--target cortex-m4-64k": f"run --arch cnn --target cortex-m4-64k --study chip {SHORT}",
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
    "stop": "stop waits",
    "resume --trials +50": "resume waits --trials +1",
    "enqueue STUDY exports/BUNDLE": "enqueue waits BUNDLE",
    "delete": "delete timed --yes",
}
"""What stands for a command that would take long, or of which this room has something else."""
FIRST = {
    "predict exports/digits-cnn-100k-trial-7 --csv test.csv": "export STUDY --format safetensors --top 4",
    "worker STUDY --workers auto": f"create --budget 10k --arch fcn --study shared {SHORT}",
    "stop": f"create --budget 100k --arch cnn --study waits {SHORT} --trials 4",
}
"""What is typed before a command, for it to have something to work on."""
ELSEWHERE = {
    "--dataset mnist": ("test_data_fetch_processes.py", '"fashion-mnist", "mnist"'),
    "dashboard": ("test_dashboard_command.py", '"dashboard"'),
    "run studies/004-cnn-budgets.toml --replicates 5": ("test_cli_planned.py", '"mine.toml", "--replicates"'),
    "run --budget 100k --arch cnn --trials 500 --on ray --workers 64": ("test_cli_ray.py", '"--on", "ray"'),
    "--mlflow http://HOST:5000": ("test_cli_track.py", '"--mlflow", MLFLOW'),
    "launch STUDY --on slurm --workers 32 --time 4h": ("test_slurm.py", '"launch", "study", "--on", "slurm"'),
    "status STUDY --watch": ("test_cli_status.py", '"status", "study", "--watch"'),
    "restore": ("test_cli_operations.py", '"restore"'),
    "--storage": ("test_storage_secrets.py", '"--storage"'),
    "HPSEARCH_STORAGE": ("test_storage_secrets.py", '"HPSEARCH_STORAGE"'),
    "HPSEARCH_STORAGE_FILE": ("test_storage_secrets.py", '"HPSEARCH_STORAGE_FILE"'),
}
"""What goes on for ever, takes long or needs machines has a test of its own: its file, and what that has of it."""


def list_commands() -> list[str]:
    """What the table has behind `hpsearch`, and the parts of commands behind those, in its order."""
    rows = _TABLE.findall((ROOT / "README.md").read_text().partition("## What to type")[2])
    typed = [words for row in rows for words in _TYPED.findall(row)]
    return [
        words.removeprefix("hpsearch ") for words in typed if not (words in NO_COMMANDS or words.startswith("pip "))
    ]


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
    assert len(commands) > 40
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


@pytest.mark.usefixtures("forked_workers")
def test_from_nothing_to_a_network_that_says_what_is_on_a_picture(furnished_room: CommandRoom) -> None:
    text = (ROOT / "README.md").read_text()
    block = text.partition("in four minutes, from nothing")[2].partition("\n![")[0]
    typed = re.findall(r"^    hpsearch (.+)$", block, re.MULTILINE)
    assert len(typed) == 3
    Image.new("RGB", (40, 60), "white").save(furnished_room.folder / "shoe.png")
    for command in typed:
        words = [*shlex.split(command), *(shlex.split(SHORT) if command.startswith("run") else ())]
        spread = [str(path) for word in words for path in sorted(Path().glob(word)) or [word]]
        ended = furnished_room.type(*spread)
        assert ended.code == 0, (command, ended.err)
    assert ended.out.startswith("shoe.png")

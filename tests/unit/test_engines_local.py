"""What the supervisor knows of the machine."""

from pathlib import Path

import pytest

from hpsearch.engines.local import launch_local_workers
from hpsearch.engines.worker_process import count_memory_kills


def test_the_kernels_kills_for_memory_are_counted(tmp_path: Path) -> None:
    statistics = tmp_path / "vmstat"
    statistics.write_text("nr_free_pages 12\noom_kill 7\nnuma_hit 3\n")
    assert count_memory_kills(statistics) == 7
    assert count_memory_kills(tmp_path / "missing") == 0


def see_gpus(count: int, *, gpus: int, environment: dict[str, str]) -> list[str]:
    launches = launch_local_workers(
        "study",
        storage_url="sqlite:///s.db",
        device="cuda",
        count=count,
        deadline=None,
        cache_folder=Path("/cache"),
        environment=environment,
        flags=("--drain",),
        gpus=gpus,
    )
    assert all("--drain" in launch.arguments for launch in launches)
    assert not any("s.db" in argument for launch in launches for argument in launch.arguments)
    return [launch.environment["CUDA_VISIBLE_DEVICES"] for launch in launches]


@pytest.mark.parametrize(
    ("gpus", "visible", "seen"),
    [
        (1, None, ["0", "0", "0", "0"]),
        (2, None, ["0", "1", "0", "1"]),
        (4, None, ["0", "1", "2", "3"]),
        (2, "4,6", ["4", "6", "4", "6"]),
        (1, "GPU-a1, GPU-b2", ["GPU-a1"] * 4),  # the second is named and not there
        (1, "", ["0", "0", "0", "0"]),
    ],
)
def test_workers_share_the_gpus_that_their_parent_sees(gpus: int, visible: str | None, seen: list[str]) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert see_gpus(4, gpus=gpus, environment=environment) == seen

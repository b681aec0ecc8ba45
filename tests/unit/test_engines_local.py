"""What the supervisor knows of the machine."""

from pathlib import Path

from hpsearch.engines.local import count_memory_kills, launch_local_workers


def test_the_kernels_kills_for_memory_are_counted(tmp_path: Path) -> None:
    statistics = tmp_path / "vmstat"
    statistics.write_text("nr_free_pages 12\noom_kill 7\nnuma_hit 3\n")
    assert count_memory_kills(statistics) == 7
    assert count_memory_kills(tmp_path / "missing") == 0


def test_workers_on_cuda_see_a_gpu_each_of_those_that_their_parent_sees() -> None:
    launches = launch_local_workers(
        "study",
        storage_url="sqlite:///s.db",
        device="cuda",
        count=3,
        deadline=None,
        cache_folder=Path("/cache"),
        environment={"CUDA_VISIBLE_DEVICES": "4,6"},
        flags=("--drain",),
    )
    assert [launch.environment["CUDA_VISIBLE_DEVICES"] for launch in launches] == ["4", "6", "4"]
    assert all("--drain" in launch.arguments for launch in launches)
    assert not any("s.db" in argument for launch in launches for argument in launch.arguments)

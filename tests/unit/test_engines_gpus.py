"""Several workers on one GPU: how many, with how much of it, and when more of them are not worth it."""

from pathlib import Path

import pytest

from hpsearch.engines.gpus import (
    GpuShare,
    Placement,
    ShareSearch,
    choose_visible_gpu,
    describe_sharing,
    parse_gpu_share,
    place_on_gpus,
)
from hpsearch.errors import InputError
from hpsearch.sessions.hardware import choose_hardware


@pytest.mark.parametrize(
    ("workers", "gpus", "share", "expected"),
    [
        (None, 2, None, Placement(2, 1, 2)),
        (4, 1, None, Placement(4, 4, 4)),
        (5, 2, None, Placement(5, 3, 5)),
        (None, 2, GpuShare(4), Placement(8, 4, 8)),
        (3, 1, GpuShare(4), Placement(3, 4, 3)),
        (None, 2, GpuShare(None), Placement(32, 1, 2)),
        (6, 1, GpuShare(None), Placement(6, 1, 1)),
    ],
)
def test_workers_are_placed_on_gpus(
    workers: int | None, gpus: int, share: GpuShare | None, expected: Placement
) -> None:
    assert place_on_gpus(workers, gpus, share, most=100) == expected


def test_there_are_never_more_workers_than_trials() -> None:
    assert place_on_gpus(None, 2, GpuShare(8), most=5) == Placement(5, 8, 5)
    assert place_on_gpus(None, 1, GpuShare(None), most=3) == Placement(3, 1, 1)


def test_workers_that_do_not_fit_the_share_are_refused_with_what_fits() -> None:
    with pytest.raises(InputError, match=r"--workers 9 do not fit: 4 on each of 2 GPUs are 8; .*--gpu-share 5"):
        place_on_gpus(9, 2, GpuShare(4), most=100)


@pytest.mark.parametrize("text", ["0", "17", "-1", "many", "1.5", "", "9" * 5000])
def test_a_share_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--gpu-share .* give auto, or how many workers share a GPU, from 1 to 16"):
        parse_gpu_share(text)


def test_a_share_is_read() -> None:
    assert [parse_gpu_share(text) for text in (None, "4", " AUTO ")] == [None, GpuShare(4), GpuShare(None)]


def test_a_share_of_gpus_is_refused_where_there_is_none() -> None:
    with pytest.raises(InputError, match="--gpu-share is about GPUs, and this runs on cpu: leave it out"):
        choose_hardware("cpu", None, most=10, share=GpuShare(2))


def test_whether_mps_runs_is_said_either_way(tmp_path: Path) -> None:
    environment = {"CUDA_MPS_PIPE_DIRECTORY": str(tmp_path)}
    shared = Placement(4, 4, 4)
    assert "4 workers share the GPU" in (describe_sharing(shared, 1, environment) or "")
    assert "MPS does not run" in (describe_sharing(shared, 1, environment) or "")
    (tmp_path / "control").touch()
    assert "MPS runs" in (describe_sharing(shared, 1, environment) or "")
    assert describe_sharing(Placement(2, 1, 2), 2, environment) is None


def test_a_gpu_is_chosen_in_turn() -> None:
    assert [choose_visible_gpu({}, index, 3) for index in range(5)] == ["0", "1", "2", "0", "1"]


def measure(rates: dict[int, float], *, memory: float | None = None, most: int = 16) -> tuple[list[int], ShareSearch]:
    """Let a GPU give so many epochs a second with so many workers; the counts that were tried."""
    count, now, epochs = 1, 0.0, 0.0
    search = ShareSearch(1, Placement(most, 1, 1), lambda: None if memory is None else memory * count)
    tried = [count]
    for _ in range(10_000):
        now, epochs = now + 1, epochs + rates[count]
        if (more := search.note(now, int(epochs), training=count)) is not None:
            count = more
            tried.append(count)
    return tried, search


def test_workers_are_added_while_they_bring_more_than_a_tenth() -> None:
    tried, search = measure({1: 1.0, 2: 1.9, 4: 3.0, 8: 3.2})
    assert tried == [1, 2, 4, 8]
    assert search.verdict is not None
    assert "8 workers bring hardly more" in search.verdict


def test_no_more_workers_are_added_than_the_memory_bears() -> None:
    tried, search = measure({1: 1.0, 2: 2.0, 4: 4.0}, memory=0.2)
    assert tried == [1, 2, 4]
    assert search.verdict is not None
    assert "use 80% of the GPU's memory" in search.verdict


def test_adding_ends_at_the_most() -> None:
    tried, search = measure({1: 1.0, 2: 2.0, 3: 3.0}, most=3)
    assert tried == [1, 2, 3]
    assert search.verdict == "3 workers are as many as may be"


def test_nothing_is_measured_before_every_worker_trains() -> None:
    search = ShareSearch(1, Placement(4, 1, 2), lambda: None)
    assert all(search.note(float(now), 100 * now, training=1) is None for now in range(1000))
    assert search.verdict is None

"""What `--on ray` refuses without a cluster, and how the engine takes what Ray tells it."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpsearch.cli import main
from hpsearch.engines import ray_cluster
from hpsearch.engines.engine import WorkerFailedError
from hpsearch.engines.ray_cluster import Cluster, _choose_device, connect
from hpsearch.engines.ray_engine import RayEngine, _make_absolute
from hpsearch.engines.ray_task import TaskOrder, WorkerEnd
from hpsearch.errors import InputError
from tests.hand_clock import HandClock

SEARCH = ("run", "--budget", "2k", "--arch", "fcn", "--trials", "1", "--epochs", "1")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HPSEARCH_STORAGE", "HPSEARCH_STORAGE_FILE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def test_without_ray_the_command_that_installs_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _name: None)
    assert main([*SEARCH, "--on", "ray"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: --on ray needs Ray, not installed here: pip install 'hpsearch[ray]'\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "no Ray cluster answers at RAY_ADDRESS=127.0.0.1:1"),
        ("nonsense", "'nonsense' is no address of a cluster: give HOST:PORT"),
        ("head:²", "'head:²' is no address of a cluster: give HOST:PORT"),
        ("ray://head:10001", "ray job submit -- hpsearch run"),
    ],
)
def test_a_wrong_address_is_said_at_once(address: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        connect({"RAY_ADDRESS": address})


@pytest.mark.parametrize(
    ("on", "words"), [("slurm", "hpsearch launch STUDY --on slurm"), ("dask", "give local or ray")]
)
def test_another_engine_is_refused(on: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SEARCH, "--on", on]) == 2
    assert words in capsys.readouterr().err


def test_a_version_that_does_not_match_is_said_in_a_line() -> None:
    error = RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.52.0\n    Python: 3.12.1\n")
    said = ray_cluster._explain(error, "head:6379")
    assert "the Ray cluster at head:6379 has another Ray or Python than this process; install the same on both" in said
    assert "\n" not in said


def test_a_device_that_the_cluster_lacks_is_refused() -> None:
    nodes: tuple[dict[str, Any], ...] = ({}, {})
    with_gpus, without = Cluster(nodes, {"CPU": 8.0, "GPU": 2.0}), Cluster(nodes, {"CPU": 8.0})
    assert [_choose_device("auto", cluster) for cluster in (with_gpus, without)] == ["cuda", "cpu"]
    with pytest.raises(InputError, match="a Ray cluster of 2 nodes: 8 CPUs has no GPU; use --device cpu"):
        _choose_device("cuda", without)
    with pytest.raises(InputError, match="Ray chooses which GPU"):
        _choose_device("cuda:1", with_gpus)


class FakeRay:
    """Ray's functions, its tasks ended by the test."""

    def __init__(self) -> None:
        self.alive = {"node-a": "host-a", "node-b": "host-b"}
        self.ended: dict[int, Any] = {}
        self.submitted = 0
        self.cancelled: list[tuple[int, bool]] = []

    def remote(self, **_options: Any) -> Any:
        return lambda _function: SimpleNamespace(remote=self._submit)

    def _submit(self, _order: TaskOrder) -> int:
        self.submitted += 1
        return self.submitted

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": node, "NodeManagerHostname": host, "Alive": True} for node, host in self.alive.items()]

    def wait(self, references: Sequence[int], **_options: Any) -> tuple[list[int], list[int]]:
        return [each for each in references if each in self.ended], []

    def get(self, reference: int) -> Any:
        return self.ended[reference]

    def cancel(self, reference: int, *, force: bool) -> None:
        self.cancelled.append((reference, force))
        self.ended[reference] = WorkerEnd(143, "", "host-a", 1.0)


def start(count: int = 2) -> tuple[RayEngine, FakeRay, HandClock, list[tuple[str, str]]]:
    ray, clock, freed = FakeRay(), HandClock(), []

    def free(worker: str, reason: str) -> list[int]:
        freed.append((worker, reason))
        return [7]

    orders = [TaskOrder(f"worker {index + 1}", "s", "sqlite:///s.db", "cpu", (), None, None) for index in range(count)]
    engine = RayEngine(ray, orders, {}, free, clock=clock)
    engine.start()
    return engine, ray, clock, freed


def test_a_worker_that_ended_well_is_not_started_again() -> None:
    engine, ray, _clock, _freed = start()
    ray.ended[1] = WorkerEnd(0, "", "host-a", 9.0)
    assert engine.check() == []
    assert engine.is_running
    ray.ended[2] = WorkerEnd(0, "", "host-a", 9.0)
    engine.check()
    assert (engine.is_running, ray.submitted) == (False, 2)


def test_a_worker_that_was_killed_is_started_again_after_a_pause_that_grows() -> None:
    engine, ray, clock, _freed = start(count=1)
    for reference, pause in ((1, 0), (2, 1), (3, 5)):
        ray.ended[reference] = WorkerEnd(-9, "", "host-a", 2.0, "out of memory; trial 3 goes on elsewhere")
        (message,) = engine.check()
        assert "killed by SIGKILL on host-a: out of memory; trial 3 goes on elsewhere" in message
        assert engine.is_running
        clock.sleep(pause)
        engine.check()
        assert ray.submitted == reference + 1


def test_a_worker_s_own_error_ends_the_search_with_its_words_and_where_it_was() -> None:
    engine, ray, _clock, _freed = start()
    ray.ended[1] = WorkerEnd(2, "error: data set 'x' holds other images", "host-b", 3.0)
    with pytest.raises(WorkerFailedError, match=r"^data set 'x' holds other images \(on host-b\)$") as failed:
        engine.check()
    assert failed.value.code == 2


def test_a_node_that_dies_is_said_and_its_trials_are_freed_once() -> None:
    engine, ray, clock, freed = start()
    del ray.alive["node-b"]
    clock.sleep(2)
    assert engine.check() == ["node host-b died: Ray places its workers again; trial 7 goes on elsewhere"]
    ray.alive["node-c"] = "host-c"
    clock.sleep(2)
    assert engine.check() == ["node host-c joined"]
    assert freed == [("@node-b", "node host-b died")]


def test_a_stop_cancels_every_task_and_leaving_the_engine_leaves_none() -> None:
    engine, ray, _clock, _freed = start()
    engine.request_stop()
    engine.check()
    assert (ray.cancelled, engine.is_running) == ([(1, False), (2, False)], False)
    with start()[0] as other:
        assert other.is_running
    assert not other.is_running


def test_the_url_is_in_no_text_that_shows_an_order() -> None:
    order = TaskOrder("w", "s", "postgresql://me:secret@host/d", "cpu", (), None, None)
    assert "secret" not in repr(order)


def test_a_file_s_url_holds_from_any_folder(tmp_path: Path) -> None:
    assert _make_absolute("sqlite:///s.db") == f"sqlite:///{tmp_path}/s.db"
    assert _make_absolute("postgresql://me@host/d") == "postgresql://me@host/d"

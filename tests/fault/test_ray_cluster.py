"""A real Ray cluster whose nodes and processes die: N trials stay N, and nothing of it counts as a trial's fault."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hpsearch.engines.gpus import GpuShare
from hpsearch.engines.ray_cluster import choose_ray_place
from hpsearch.errors import InputError
from hpsearch.sessions.hardware import Hardware
from hpsearch.storage.database import Database
from hpsearch.storage.tables import events, leases
from hpsearch.tuning.study import load_study
from tests.fault.ray_crowd import RayCrowd, kill_a_task, open_crowd, search_on_ray
from tests.fault.studies import make
from tests.history import check_history, find_orphans
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.exhaustive, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCrowd]:
    folder = tmp_path_factory.mktemp("ray")
    with (
        pytest.MonkeyPatch.context() as patch,
        open_crowd(folder, patch, head_cpus=0, seconds_per_epoch=0.15) as opened,
    ):
        opened.add_node()
        opened.add_node(num_cpus=4, num_gpus=1)
        yield opened


@pytest.fixture
def storage(postgres: PostgresServer) -> str:
    return postgres.make_database()


def read_rows(storage: str, column: "sa.Column[Any]") -> list[Any]:
    with Database.open(storage) as database:
        study_id = load_study(database, "study").study_id
        with database.transaction() as connection:
            table = column.table
            return list(connection.execute(sa.select(column).where(table.c.study_id == study_id)).scalars())


def test_workers_of_one_gpu_see_the_same_one_and_what_the_cluster_lacks_is_refused(
    crowd: RayCrowd, storage: str, tmp_path: Path
) -> None:
    place = choose_ray_place("auto", 4, GpuShare(4), is_sqlite=False, folder=None, most=100)
    assert (place.device, place.workers, place.gpus, place.gpu_share) == ("cuda", 4, 1, 4)
    assert place.description == "a Ray cluster of 3 nodes: 6 CPUs, 1 GPU"
    with pytest.raises(InputError, match=r"SQLite file is of one machine, and the Ray cluster has 3 nodes"):
        choose_ray_place("cpu", None, None, is_sqlite=True, folder=None, most=100)
    with pytest.raises(InputError, match=r"has no '/no/such/images': .*--dataset"):
        choose_ray_place("cpu", None, None, is_sqlite=False, folder="/no/such/images", most=100)
    with pytest.raises(InputError, match="--gpu-share auto is for the GPUs of this machine"):
        choose_ray_place("auto", None, GpuShare(None), is_sqlite=False, folder=None, most=100)
    waiting = choose_ray_place("cpu", 64, None, is_sqlite=False, folder=None, most=100)
    assert waiting.workers == 64
    assert "room for 6" in (waiting.note or "")
    make(storage, trials=8, epochs=2)
    before = set(crowd.folder.glob("*.gpu"))
    hardware = Hardware("cuda", "cpu", "", place.workers, engine="ray", gpus=1, gpu_share=4)
    assert search_on_ray(storage, hardware).counts["COMPLETE"] == 8
    seen = [path.read_text() for path in set(crowd.folder.glob("*.gpu")) - before]
    assert seen == ["0"] * 4


def test_a_node_and_a_task_that_die_cost_no_trial_and_count_to_none(
    crowd: RayCrowd, storage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in crowd.folder.glob("*.jsonl"):
        path.unlink()
    make(storage, trials=100, epochs=4)
    said: list[str] = []
    deeds = {
        10: kill_a_task,
        25: lambda: crowd.remove_without_grace(crowd.nodes[0]),
        40: lambda: crowd.add_node() and None,
    }
    hardware = Hardware("cpu", "cpu", "", 5, engine="ray")
    record = search_on_ray(storage, hardware, at=deeds, said=said)
    assert (record.counts["COMPLETE"], record.counts["RUNNING"], len(record.trials)) == (100, 0, 100)
    assert check_history(crowd.folder, storage, "study", slots=100) == []
    assert set(read_rows(storage, leases.c.deaths)) == {0}
    assert find_orphans(str(storage)) == []
    assert any("died: Ray places its workers again" in line for line in said), said
    assert "reaped" not in read_rows(storage, events.c.kind)
    assert "marked dead" not in capfd.readouterr().out  # Ray's own words, where a JSON document may stand

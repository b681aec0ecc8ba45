"""B8: a network that swallows every packet and says nothing, by a network namespace with a wrong neighbour address."""

import ctypes
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hpsearch.storage import engines
from tests.fault.studies import make, read
from tests.history import check_history
from tests.postgres import OwnPostgresServer
from tests.scripted_worker import WorkerScript
from tests.tcp_proxy import run_proxy
from tests.worker_processes import run_workers, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault]

GIVES_UP_SECONDS = 2
"""In place of half a minute."""
LONGEST_SECONDS = 120
"""However slow the machine; the system itself gives a silent connection up after a quarter of an hour."""
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Network:
    """A network between this system and a namespace of its own."""

    name: str
    here: str
    """Our address in it."""

    def swallow(self) -> None:
        """Let everything that the namespace sends go to nobody."""
        run_ip("-n", self.name, "neigh", "replace", self.here, "lladdr", "02:00:00:00:00:99", "dev", "inner", "nud",
               "permanent")  # fmt: skip

    def mend(self) -> None:
        """Let it arrive again."""
        run_ip("-n", self.name, "neigh", "del", self.here, "dev", "inner")


def run_ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def network() -> Iterator[Network]:
    number = next(_numbers)
    name, link = f"hole-{os.getpid()}-{number}", f"h{os.getpid() % 100_000}x{number}"
    prefix = f"10.231.{os.getpid() % 250}.{4 * number}"
    here, there = (f"{prefix.rpartition('.')[0]}.{4 * number + offset}" for offset in (1, 2))
    try:
        run_ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this system lets nobody make a network namespace: {error}")
    try:
        run_ip("link", "add", link, "type", "veth", "peer", "name", "inner", "netns", name)
        run_ip("addr", "add", f"{here}/30", "dev", link)
        run_ip("link", "set", link, "up")
        run_ip("-n", name, "addr", "add", f"{there}/30", "dev", "inner")
        run_ip("-n", name, "link", "set", "inner", "up")
        yield Network(name, here)
    finally:
        run_ip("netns", "del", name)


def enter(name: str) -> None:
    """Move this process into a network namespace."""
    with Path(f"/run/netns/{name}").open() as file:
        assert ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET) == 0, ctypes.get_errno()


@dataclass(frozen=True)
class EnterImpatiently:
    """Prepares a worker to sit in a namespace, and to wait for seconds where it would wait for half a minute."""

    name: str

    def __call__(self, _script: WorkerScript) -> None:
        enter(self.name)
        arguments = engines.engine_arguments

        def impatient(url: sa.URL) -> dict[str, Any]:
            given = arguments(url)
            given["connect_args"] |= {"tcp_user_timeout": 1000 * GIVES_UP_SECONDS, "connect_timeout": GIVES_UP_SECONDS}
            return given

        engines.engine_arguments = impatient


def train_through_the_hole(script: WorkerScript, epoch: int) -> None:
    script.flag(f"epoch-{epoch}").touch()
    if epoch == 1:
        wait_until(script.flag("hole").exists, "the network swallows everything")
        script.flag("seconds").write_text(str(time.monotonic()))
    if epoch == 2:
        seconds = time.monotonic() - float(script.flag("seconds").read_text())
        script.flag("seconds").write_text(str(seconds))
        script.flag("reported").touch()
        wait_until(script.flag("mended").exists, "the network is mended")


def test_b8_hpsearch_gives_up_a_silent_connection_trains_on_and_reports_later(
    own_postgres: OwnPostgresServer, network: Network, tmp_path: Path
) -> None:
    url = own_postgres.make_database()
    make(url, trials=1, epochs=4)
    with run_proxy(own_postgres.socket, network.here) as proxy, run_workers(proxy.direct(url), tmp_path) as crew:
        worker = crew.start("worker", prepare=EnterImpatiently(network.name), before_epoch=train_through_the_hole)
        worker.wait_for_flag("epoch-1")
        network.swallow()
        worker.script.flag("hole").touch()
        worker.wait_for_flag("reported")
        network.mend()
        worker.script.flag("mended").touch()
        assert worker.wait() == 0, worker.said
        assert float(worker.script.flag("seconds").read_text()) < LONGEST_SECONDS
    assert check_history(tmp_path, url, "study", slots=1) == []
    trial = read(url).trial(0)
    assert (trial.state, trial.attempts, trial.epochs) == ("COMPLETE", 1, 4)

"""A real Slurm on this host: munged, slurmctld and slurmd of Debian's packages, in a folder of its own, as root."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.worker_processes import wait_until

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
REQUIRED = "HPSEARCH_REQUIRE_SLURM"
"""Set where the tests of it must not be skipped."""


@dataclass(frozen=True)
class SlurmCluster:
    """A cluster of one node."""

    folder: Path
    environment: Mapping[str, str]
    """What its commands need."""

    def run(self, *command: str) -> str:
        """Type a command of Slurm's."""
        ended = subprocess.run(command, env=dict(self.environment), capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
        return ended.stdout.strip()

    def count(self, job: str, *options: str) -> int:
        """How many tasks of a job wait or run, or are in the states that further options of squeue name.

        A question that Slurm did not answer (its daemon was busy) is asked again: it is no answer of "none".
        """
        command = ["squeue", "--noheader", "--array", "--job", job, *options]
        for _ in range(20):
            ended = subprocess.run(command, env=dict(self.environment), capture_output=True, text=True, timeout=120)
            if ended.returncode == 0:
                return len(ended.stdout.splitlines())
            if "Invalid job id" in ended.stderr:  # over for so long that Slurm has forgotten it
                return 0
            time.sleep(1)
        raise AssertionError((command, ended.stdout, ended.stderr))

    def read_logs(self) -> str:
        """What its daemons wrote."""
        return "\n".join((self.folder / name).read_text() for name in ("slurmctld.log", "slurmd.log"))


def find_obstacle() -> str | None:
    """Why there can be no Slurm here; None where there can."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"no Slurm: {', '.join(missing)} missing (Debian: slurmctld slurmd slurm-client munge)"
    return None if os.geteuid() == 0 else "no Slurm: its daemons need root here"


def skip_without_slurm() -> None:
    """Skip with the reason, unless the environment says that Slurm is required."""
    if (obstacle := find_obstacle()) is not None:
        if os.environ.get(REQUIRED):
            pytest.fail(obstacle)
        pytest.skip(obstacle)


def _write_settings(folder: Path, host: str, ports: list[int]) -> Path:
    path = folder / "slurm.conf"
    path.write_text(
        f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=requeue_delay=1,batch_sched_delay=1,sched_interval=2
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
KillWait=15
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=64000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
    )
    return path


def _find_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def run_slurm() -> Iterator[SlurmCluster]:
    """Start a cluster, and end it with all that runs on it."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(mode=0o700)
    munge = folder / "munge"
    (munge / "key").write_bytes(os.urandom(1024))
    (munge / "key").chmod(0o400)
    settings = _write_settings(folder, socket.gethostname().split(".")[0], _find_ports(2))
    environment = os.environ | {"SLURM_CONF": str(settings), "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    cluster = SlurmCluster(folder, environment)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    try:
        cluster.run("munged", "--force", *(f"--{option}={munge / file}" for option, file in files.items()))
        cluster.run("slurmctld", "-f", str(settings))
        cluster.run("slurmd", "-f", str(settings))
        wait_until(lambda: "idle" in cluster.run("sinfo", "--noheader"), "the node is idle")
        yield cluster
    finally:
        for file in (folder / "slurmd.pid", folder / "slurmctld.pid", munge / "pid"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(file.read_text()), signal.SIGTERM)
        _end_what_mentions(str(folder))
        shutil.rmtree(folder, ignore_errors=True)


def _end_what_mentions(folder: str) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and (left := list(_find_processes(folder))):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


def _find_processes(folder: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(folder in word for word in process.cmdline()) and process.pid != os.getpid():
                yield process

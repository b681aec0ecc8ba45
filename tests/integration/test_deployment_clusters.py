"""The Slurm script and the Kubernetes Job: safe, rule by rule, and their workers run as they are written."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli_runs import FINISH_SECONDS
from tests.deployment_room import DEPLOY, STUDY, DeploymentRoom, make_study, open_room
from tests.password_postgres import PasswordServer

pytestmark = pytest.mark.slow

JOB = yaml.safe_load((DEPLOY / "kubernetes.yml").read_text())
POD: dict[str, Any] = JOB["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
SLURM = DEPLOY / "slurm-array.sh"
GIVING_BACK_SECONDS = 10


@pytest.fixture
def room(tmp_path: Path, password_server: PasswordServer) -> Iterator[DeploymentRoom]:
    with open_room(tmp_path, password_server) as opened:
        yield opened


# Kubernetes


def test_the_worker_of_kubernetes_works_as_it_is_written(room: DeploymentRoom) -> None:
    make_study(room)
    arguments = [STUDY if argument == "fashion-mnist-cnn-100k" else argument for argument in CONTAINER["args"]]
    assert STUDY in arguments
    environment = {variable["name"]: variable["value"] for variable in CONTAINER["env"]}
    assert environment["HPSEARCH_CACHE"] in {volume["mountPath"] for volume in CONTAINER["volumeMounts"]}
    room.run(["hpsearch", *arguments], environment)
    assert room.read().counts["COMPLETE"] == 3


def test_kubernetes_starts_several_workers_and_is_done_when_they_are() -> None:
    assert (JOB["apiVersion"], JOB["kind"]) == ("batch/v1", "Job")
    assert JOB["spec"]["parallelism"] >= 2
    assert "completions" not in JOB["spec"]
    assert POD["restartPolicy"] == "OnFailure"


def test_a_pod_runs_as_a_plain_user_and_cannot_become_another() -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] == POD["securityContext"]["runAsGroup"] == 10001
    assert CONTAINER["securityContext"]["allowPrivilegeEscalation"] is False
    assert "privileged" not in CONTAINER["securityContext"]


def test_a_pod_has_no_capability_and_few_system_calls() -> None:
    assert CONTAINER["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_root_file_system_of_a_pod_is_read_only_with_a_place_for_scratch() -> None:
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"] is True
    places = {mount["mountPath"]: mount["name"] for mount in CONTAINER["volumeMounts"]}
    kinds = {volume["name"]: set(volume) - {"name"} for volume in POD["volumes"]}
    assert kinds[places["/tmp"]] == kinds[places["/data"]] == {"emptyDir"}
    assert all("hostPath" not in kind for kind in kinds.values())


def test_a_pod_shares_nothing_with_its_machine_and_knows_nothing_of_the_cluster() -> None:
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    assert POD["automountServiceAccountToken"] is False
    assert POD["enableServiceLinks"] is False


def test_a_pod_says_what_it_needs_and_gets_no_more() -> None:
    for kind in ("requests", "limits"):
        assert {"cpu", "memory"} <= CONTAINER["resources"][kind].keys()


def test_a_pod_has_time_to_give_its_trial_back() -> None:
    assert POD["terminationGracePeriodSeconds"] > GIVING_BACK_SECONDS


def test_the_secret_of_kubernetes_is_mounted_as_a_file_and_is_in_no_environment() -> None:
    assert all("valueFrom" not in variable for variable in CONTAINER["env"])
    assert "envFrom" not in CONTAINER
    (volume,) = [volume for volume in POD["volumes"] if "secret" in volume]
    (mount,) = [mount for mount in CONTAINER["volumeMounts"] if mount["name"] == volume["name"]]
    assert mount["readOnly"] is True
    assert volume["secret"]["defaultMode"] & 0o007 == 0
    (variable,) = [item for item in CONTAINER["env"] if item["name"] == "HPSEARCH_STORAGE_FILE"]
    assert variable["value"] == f"{mount['mountPath']}/url"


def test_the_secret_that_is_in_the_repository_is_none() -> None:
    secret = yaml.safe_load((DEPLOY / "kubernetes-secret.yml").read_text())
    assert secret["metadata"]["name"] in {volume.get("secret", {}).get("secretName") for volume in POD["volumes"]}
    assert secret["stringData"] == {"url": "postgresql://hpsearch_worker:PASSWORD@HOST/hpsearch"}


# Slurm


def write_private_url(room: DeploymentRoom, mode: int = 0o600) -> Path:
    path = room.folder / "storage-url"
    path.write_text(room.url("worker"))
    path.chmod(mode)
    return path


def slurm_environment(room: DeploymentRoom) -> dict[str, str]:
    """What Slurm sets, and what a person has: a variable that would lead elsewhere, too."""
    return {
        "SLURM_ARRAY_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_CPUS_PER_TASK": "1",
        "HPSEARCH_STORAGE_FILE": str(write_private_url(room)),
        "HPSEARCH_STORAGE": "sqlite:///another.db",
    }


@pytest.mark.exhaustive
def test_a_task_of_the_slurm_array_works_until_nothing_is_left(room: DeploymentRoom) -> None:
    make_study(room)
    out, err = room.run(["bash", str(SLURM), STUDY], slurm_environment(room))
    assert err == ""
    assert "task 3 of job 7" in out
    assert room.read().counts["COMPLETE"] == 3


@pytest.mark.fault
def test_a_task_of_the_slurm_array_gives_its_trial_back_before_its_time_is_up(room: DeploymentRoom) -> None:
    study_file = room.folder / "study.toml"
    study_file.write_text(study_file.read_text().replace("epochs = 2", "epochs = 5000"))
    make_study(room)
    with room.start(["bash", str(SLURM), STUDY], slurm_environment(room)) as process:
        until = time.monotonic() + FINISH_SECONDS
        while not any(trial.epochs for trial in room.read().running) and time.monotonic() < until:
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)  # what --signal=B:TERM@60 does: to this process and no other
        begun = time.monotonic()
        out, err = process.communicate(timeout=60)
    assert time.monotonic() - begun < GIVING_BACK_SECONDS
    assert (process.returncode, err) == (143, "")
    assert "given back" in out
    counts = room.read().counts
    assert (counts["RUNNING"], counts["WAITING"], counts["FAIL"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("mode", "arguments", "code", "expected"),
    [
        (0o644, [STUDY], 3, "chmod 600"),
        (0o640, [STUDY], 3, "chmod 600"),
        (None, [STUDY], 3, "missing"),
        (0o600, [], 2, "usage"),
    ],
)
def test_a_task_of_the_slurm_array_that_cannot_work_says_why(
    room: DeploymentRoom, mode: int | None, arguments: list[str], code: int, expected: str
) -> None:
    path = write_private_url(room, mode or 0o600)
    if mode is None:
        path.unlink()
    _out, err = room.run(["bash", str(SLURM), *arguments], {"HPSEARCH_STORAGE_FILE": str(path)}, code=code)
    assert expected in err
    assert err.count("\n") == 1
    assert "hpsearch_worker:" not in err


def test_slurm_is_told_what_the_script_is_made_for() -> None:
    lines = [line.removeprefix("#SBATCH --") for line in SLURM.read_text().splitlines() if line.startswith("#SBATCH")]
    options = dict(line.split("=", 1) for line in lines)
    assert {"array", "time", "mem", "cpus-per-task"} <= options.keys()
    kind, _at, seconds = options["signal"].partition("@")
    assert kind == "B:TERM"
    assert int(seconds) > GIVING_BACK_SECONDS
    assert SLURM.read_text().rstrip().splitlines()[-1] == 'exec hpsearch worker "$1" --drain'

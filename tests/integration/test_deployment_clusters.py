"""The Slurm script and the Kubernetes Job: safe, rule by rule, and their workers run as they are written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from hpsearch.engines.kubernetes import Kubernetes, make_name
from hpsearch.engines.launching import LaunchOrder
from hpsearch.engines.slurm import Slurm
from tests.compose_file import ROOT
from tests.deployment_room import STUDY, DeploymentRoom, make_study, open_room
from tests.password_postgres import PasswordServer
from tests.shellcheck import check_script

pytestmark = pytest.mark.slow

TEMPLATES = ROOT / "hpsearch" / "engines" / "templates"
MANIFEST = Kubernetes(LaunchOrder(STUDY, workers=8, gpus=0), "registry.example.com/hpsearch:0.1.0", {}).write()
JOB = yaml.safe_load(MANIFEST)
POD: dict[str, Any] = JOB["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
GIVING_BACK_SECONDS = 10


@pytest.fixture
def room(tmp_path: Path, password_server: PasswordServer) -> Iterator[DeploymentRoom]:
    with open_room(tmp_path, password_server) as opened:
        yield opened


# Kubernetes


def test_the_worker_of_kubernetes_works_as_it_is_written(room: DeploymentRoom) -> None:
    make_study(room)
    assert STUDY in CONTAINER["args"]
    environment = {variable["name"]: variable["value"] for variable in CONTAINER["env"]}
    assert environment["HPSEARCH_CACHE"] in {volume["mountPath"] for volume in CONTAINER["volumeMounts"]}
    room.run(["hpsearch", *CONTAINER["args"]], environment)
    assert room.read().counts["COMPLETE"] == 3


def write_job(**fields: Any) -> dict[str, Any]:
    order = LaunchOrder(**{"study": "Fashion_MNIST.cnn", "workers": 8, "gpus": 0} | fields)
    job: dict[str, Any] = yaml.safe_load(Kubernetes(order, "image", {}, queue=None).write())
    return job


@pytest.mark.parametrize(
    "fields",
    [{}, {"gpus": 1, "gpu_share": 4, "workers": 10}, {"seconds": 5400.0, "dataset": "/images"}],
    ids=["plain", "gpus", "time"],
)
def test_kubernetes_itself_would_take_the_manifest(fields: dict[str, Any]) -> None:
    kubernetes_validate.validate(write_job(**fields), "1.33", strict=True)
    queued = Kubernetes(LaunchOrder("s", 2, 0), "image", {}, queue="team-a").write()
    kubernetes_validate.validate(yaml.safe_load(queued), "1.33", strict=True)
    assert yaml.safe_load(queued)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    secret = yaml.safe_load((TEMPLATES / "kubernetes-secret.yml").read_text())
    kubernetes_validate.validate(secret, "1.33", strict=True)


def test_a_manifest_that_kubernetes_would_not_take_is_found_out() -> None:
    job = write_job()
    job["spec"]["paralelism"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, "1.33", strict=True)


def test_kubernetes_starts_several_workers_that_wait_for_each_other() -> None:
    """A pod that ended well would end the replacement of all the others, so none leaves early."""
    assert (JOB["apiVersion"], JOB["kind"]) == ("batch/v1", "Job")
    assert JOB["spec"]["parallelism"] == 8
    assert "completions" not in JOB["spec"]
    assert "--drain" not in CONTAINER["args"]


def test_an_eviction_is_no_failure_and_wrong_input_ends_the_job() -> None:
    assert POD["restartPolicy"] == "Never"  # which podFailurePolicy asks for
    ignored, ended = JOB["spec"]["podFailurePolicy"]["rules"]
    assert ignored == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert (ended["action"], ended["onExitCodes"]["values"]) == ("FailJob", [2])
    assert ended["onExitCodes"]["containerName"] == CONTAINER["name"]


def test_workers_that_share_a_gpu_are_one_pod() -> None:
    job = write_job(gpus=1, gpu_share=4, workers=10)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert job["spec"]["parallelism"] == 3
    assert container["args"] == ["worker", "Fashion_MNIST.cnn", "--workers", "4", "--gpu-share", "4"]
    assert container["resources"]["limits"] == {"cpu": "4", "memory": "12Gi", "nvidia.com/gpu": 1}


def test_a_time_is_a_deadline_and_a_study_s_name_one_that_kubernetes_takes() -> None:
    job = write_job(seconds=5400.0)
    assert job["spec"]["activeDeadlineSeconds"] == 5400
    name = job["metadata"]["generateName"]
    assert re.fullmatch(r"hpsearch-[a-z0-9]([-a-z0-9]*[a-z0-9])?-", name)
    assert len(name) < 58  # a label that the pods get has room for 63, and Kubernetes adds five
    assert make_name("a_b") != make_name("a-b")
    assert make_name("plain-cnn-10k") == "plain-cnn-10k"


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
    secret = yaml.safe_load((TEMPLATES / "kubernetes-secret.yml").read_text())
    assert secret["metadata"]["name"] in {volume.get("secret", {}).get("secretName") for volume in POD["volumes"]}
    assert secret["stringData"] == {"url": "postgresql://hpsearch_worker:PASSWORD@HOST/hpsearch"}


# Slurm


def write_private_url(room: DeploymentRoom, mode: int = 0o600) -> Path:
    path = room.folder / "storage-url"
    path.write_text(room.url("worker"))
    path.chmod(mode)
    return path


def slurm_environment() -> dict[str, str]:
    """What Slurm sets, and what a person has: a variable that would lead elsewhere, too."""
    return {
        "SLURM_ARRAY_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_CPUS_PER_TASK": "1",
        "HPSEARCH_STORAGE": "sqlite:///another.db",
    }


def write_script(room: DeploymentRoom, storage_file: Path, **fields: Any) -> str:
    order = LaunchOrder(**{"study": STUDY, "workers": 4, "gpus": 0} | fields)
    path = room.folder / "job.sh"
    path.write_text(Slurm(order, storage_file, {}).write())
    return str(path)


@pytest.mark.exhaustive
def test_a_task_of_the_slurm_array_works_until_nothing_is_left(room: DeploymentRoom) -> None:
    make_study(room)
    out, err = room.run(["bash", write_script(room, write_private_url(room))], slurm_environment())
    assert err == ""
    assert "task 3 of job 7" in out
    assert room.read().counts["COMPLETE"] == 3


@pytest.mark.parametrize(("mode", "expected"), [(0o644, "chmod 600"), (0o640, "chmod 600"), (None, "missing")])
def test_a_task_of_the_slurm_array_that_cannot_work_says_why(
    room: DeploymentRoom, mode: int | None, expected: str
) -> None:
    path = write_private_url(room, mode or 0o600)
    if mode is None:
        path.unlink()
    _out, err = room.run(["bash", write_script(room, path)], slurm_environment(), code=3)
    assert expected in err
    assert err.count("\n") == 1
    assert "hpsearch_worker:" not in err


def read_options(script: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]


def test_slurm_is_told_what_was_asked_for(tmp_path: Path) -> None:
    order = LaunchOrder(STUDY, 10, 1, gpu_share=4, seconds=4.5 * 3600, options=("-p", "long", "--account=x y"))
    script = Slurm(order, tmp_path / "u r l", {}).write()
    options = read_options(script)
    for expected in ("--array=1-3", "--cpus-per-task=4", "--mem=16G", "--time=04:30:00", "--gres=gpu:1", "-p long"):
        assert expected in options
    assert {"--requeue", "--open-mode=append", "--signal=B:TERM@60", "'--account=x y'"} <= set(options)
    assert script.rstrip().endswith(f"-m hpsearch worker {STUDY} --workers 4 --gpu-share 4")
    assert f"export HPSEARCH_STORAGE_FILE='{tmp_path}/u r l'" in script
    assert read_options(Slurm(LaunchOrder(STUDY, 1, 0), tmp_path / "u", {}).write())[-1] == "--signal=B:TERM@60"


def test_the_script_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "job.sh"
    path.write_text(Slurm(LaunchOrder(STUDY, 4, 1, gpu_share=2), tmp_path / "url", {}).write())
    assert check_script(path) == ""

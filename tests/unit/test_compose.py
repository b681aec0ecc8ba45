"""docker-compose.yml: taken by docker where there is one, and safe, rule by rule."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dockerfile_parse import DockerfileParser

from hpsearch.study.file import parse_study_spec, read_study_file
from tests.compose_file import COMPOSE_PATH, ROOT, load_compose

COMPOSE = load_compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "hpsearch"}
LASTING = {name: service for name, service in SERVICES.items() if name != "create"}
WORKERS = {name: service for name, service in SERVICES.items() if name.startswith("worker")}

HANDING_BACK_SECONDS = 10
CONNECTIONS_OF_A_WORKER = 5

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
each_of_ours = pytest.mark.parametrize("service", OURS.values(), ids=OURS)
each_lasting = pytest.mark.parametrize("service", LASTING.values(), ids=LASTING)


def list_secrets(service: dict[str, Any]) -> set[str]:
    return set(service.get("secrets", []))


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker")
def test_docker_takes_the_file() -> None:
    known = subprocess.run(["docker", "compose", "version"], capture_output=True)
    if known.returncode:
        pytest.skip("docker has no compose")
    checked = subprocess.run(["docker", "compose", "-f", COMPOSE_PATH, "config", "--quiet"], capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, b"")


def test_the_database_publishes_no_port() -> None:
    assert "ports" not in SERVICES["database"]
    assert SERVICES["database"].get("network_mode") is None


def test_the_database_is_reached_over_a_network_without_a_way_out() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["database"]["networks"] == ["inside"]
    for service in WORKERS.values():
        assert service["networks"] == ["inside"]


def test_only_the_dashboard_publishes_a_port_and_on_the_loopback_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["dashboard"]
    (port,) = SERVICES["dashboard"]["ports"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+:8080", port)


def test_the_dashboard_asks_for_a_token_that_is_a_secret() -> None:
    command = SERVICES["dashboard"]["command"]
    assert "--token-file=/run/secrets/dashboard_token" in command
    assert "dashboard_token" in list_secrets(SERVICES["dashboard"])


def test_the_dashboard_answers_to_the_port_that_is_published() -> None:
    service = load_compose({"HPSEARCH_DASHBOARD_PORT": "9000"})["services"]["dashboard"]
    assert service["ports"] == ["127.0.0.1:9000:8080"]
    assert {"--allowed-host=127.0.0.1:9000", "--allowed-host=localhost:9000"} <= set(service["command"])


def test_every_secret_is_a_file_and_every_one_that_is_used_exists() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    assert all(secret["file"] == f"./deploy/secrets/{name}" for name, secret in COMPOSE["secrets"].items())
    assert set().union(*map(list_secrets, SERVICES.values())) == set(COMPOSE["secrets"])


@each_service
def test_no_environment_holds_a_secret(service: dict[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        assert "://" not in str(value), name
        if re.search("PASSWORD|TOKEN|STORAGE", name):
            assert name.endswith("_FILE")
            assert value.removeprefix("/run/secrets/") in list_secrets(service)


@each_service
def test_no_command_line_holds_a_secret(service: dict[str, Any]) -> None:
    assert not re.search(r"://|password=|--storage", " ".join(service["command"]), re.IGNORECASE)


def test_each_service_has_only_the_secrets_of_its_role() -> None:
    assert list_secrets(SERVICES["create"]) == {"owner_url"}
    assert all(list_secrets(service) == {"worker_url"} for service in WORKERS.values())
    assert list_secrets(SERVICES["dashboard"]) == {"dashboard_url", "dashboard_token"}


@each_service
def test_it_runs_as_a_plain_user(service: dict[str, Any]) -> None:
    assert service["user"] in ("10001:10001", "postgres")
    assert "privileged" not in service
    assert "group_add" not in service


@each_service
def test_its_root_file_system_is_read_only_with_a_place_for_scratch(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]


@each_service
def test_it_has_no_capability_and_can_gain_none(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]


@each_service
def test_nothing_of_the_machine_is_shared_with_it(service: dict[str, Any]) -> None:
    for key in ("pid", "ipc", "network_mode", "devices", "userns_mode", "uts"):
        assert key not in service
    for volume in service.get("volumes", []):
        source, _target, *mode = volume.split(":")
        assert source in COMPOSE["volumes"] or (source.startswith("./deploy/") and mode == ["ro"])


@each_lasting
def test_it_may_take_longer_to_stop_than_it_needs(service: dict[str, Any]) -> None:
    seconds = int(service["stop_grace_period"].removesuffix("s"))
    assert seconds > HANDING_BACK_SECONDS


@each_of_ours
def test_a_signal_reaches_it_whatever_it_does(service: dict[str, Any]) -> None:
    """A process 1 without handlers ignores signals."""
    assert service["init"] is True
    assert "stop_signal" not in service


def test_things_start_one_after_the_other() -> None:
    assert SERVICES["create"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for service in (*WORKERS.values(), SERVICES["dashboard"]):
        assert service["depends_on"] == {"create": {"condition": "service_completed_successfully"}}


def test_the_database_is_not_healthy_while_its_roles_are_made() -> None:
    """The image's server listens on its socket alone meanwhile."""
    assert "--host=127.0.0.1" in SERVICES["database"]["healthcheck"]["test"]


def test_the_database_has_a_pinned_major_version_and_keeps_its_data_where_that_version_has_them() -> None:
    assert re.fullmatch(r"postgres:18(\.\d+)?", SERVICES["database"]["image"])
    assert "database:/var/lib/postgresql" in SERVICES["database"]["volumes"]


def test_the_script_that_makes_the_roles_is_run_by_the_image_and_not_sourced() -> None:
    assert "./deploy/postgres/roles.sh:/docker-entrypoint-initdb.d/roles.sh:ro" in SERVICES["database"]["volumes"]
    assert os.access(ROOT / "deploy" / "postgres" / "roles.sh", os.X_OK)


def test_a_password_is_asked_for_on_the_databases_loopback_as_well() -> None:
    assert SERVICES["database"]["environment"]["POSTGRES_INITDB_ARGS"] == "--auth-host=scram-sha-256"


def test_workers_can_be_scaled_as_far_as_the_database_has_connections() -> None:
    for service in WORKERS.values():
        assert "container_name" not in service
    assert load_compose({"HPSEARCH_WORKERS": "7"})["services"]["worker"]["deploy"]["replicas"] == "7"
    connections = int(SERVICES["database"]["command"][-1].removeprefix("max_connections="))
    assert connections >= 50 * CONNECTIONS_OF_A_WORKER


def test_workers_cannot_change_the_data_that_creation_fetched() -> None:
    assert SERVICES["create"]["volumes"] == ["data:/data"]
    assert all(service["volumes"] == ["data:/data:ro"] for service in WORKERS.values())


def test_the_study_that_it_comes_with_has_the_name_that_the_workers_join() -> None:
    name, spec = parse_study_spec(read_study_file(ROOT / "deploy" / "study.toml"))
    assert SERVICES["create"]["command"][-1] == SERVICES["worker"]["command"][1] == name
    assert spec.trials > 16


IMAGE = DockerfileParser(path=str(ROOT / "Dockerfile"), cache_content=True)
LAST_STAGE = IMAGE.structure[max(i for i, line in enumerate(IMAGE.structure) if line["instruction"] == "FROM") :]


def list_arguments(instruction: str, lines: list[dict[str, Any]]) -> list[str]:
    return [line["value"] for line in lines if line["instruction"] == instruction]


def test_the_image_runs_hpsearch_as_a_plain_user_whom_compose_names_too() -> None:
    assert list_arguments("ENTRYPOINT", LAST_STAGE) == ['["hpsearch"]']
    assert list_arguments("USER", LAST_STAGE) == ["10001:10001"]
    assert all(service["user"] == "10001:10001" for service in OURS.values())
    assert all("entrypoint" not in service for service in OURS.values())


def test_the_image_is_built_once_asked_of_no_registry_and_writes_onnx() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["create"]
    policies = {name: service["pull_policy"] for name, service in OURS.items()}
    assert policies == dict.fromkeys(OURS, "never") | {"create": "build"}
    assert "pip install '.[onnx]'" in list_arguments("RUN", IMAGE.structure)


def test_only_what_the_image_is_built_from_gets_into_the_build() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = [value for value in list_arguments("COPY", IMAGE.structure) if "--from" not in value]
    assert {source for value in copied for source in value.split()[:-1]} == allowed
    assert not any("secret" in name or name == "deploy" for name in allowed)


def test_what_gets_into_the_build_is_all_that_the_package_is_made_of() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = {value for line in list_arguments("COPY", IMAGE.structure) for value in line.split()}
    assert needed <= copied


def test_secrets_are_kept_out_of_git() -> None:
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_no_path_of_the_file_is_missing() -> None:
    for path in ("deploy/postgres/roles.sh", "deploy/make-secrets.sh", COMPOSE["configs"]["study"]["file"]):
        assert (Path(ROOT) / path).is_file()

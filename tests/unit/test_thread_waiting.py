"""How threads of one training wait for each other: as somebody says, else shortly."""

import pytest

from hpsearch.engines.worker_process import make_worker_environment


@pytest.mark.parametrize(
    ("said", "policy", "looks"),
    [
        ({}, "passive", "2000"),
        ({"OMP_WAIT_POLICY": "active"}, "active", None),
        ({"GOMP_SPINCOUNT": "7"}, None, "7"),
    ],
)
def test_a_worker_s_threads_wait_as_somebody_says_else_shortly(
    said: dict[str, str], policy: str | None, looks: str | None
) -> None:
    environment = make_worker_environment(said, "sqlite:///studies.db", None)
    assert environment.get("OMP_WAIT_POLICY") == policy
    assert environment.get("GOMP_SPINCOUNT") == looks
    assert environment["OMP_NUM_THREADS"] == "1"

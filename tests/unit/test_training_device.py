import os
from pathlib import Path

import pytest
import torch

from hpsearch.architecture import FcnArchitecture
from hpsearch.errors import InputError
from hpsearch.training import device, precision
from hpsearch.training.device import choose_device, count_workers, describe_device, list_devices, read_cpu_quota
from hpsearch.training.precision import BFLOAT16_FCN_MACS, uses_bfloat16
from tests.tiny_training import CPU, TINY_CNN, tiny_config


@pytest.fixture
def _two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def _cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("_two_gpus")
@pytest.mark.parametrize(
    ("name", "chosen"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("CUDA:1", "cuda:1"), ("cpu", "cpu")]
)
def test_a_device_at_hand_is_chosen_by_its_name(name: str, chosen: str) -> None:
    assert str(choose_device(name)) == chosen


@pytest.mark.usefixtures("_two_gpus")
def test_every_gpu_is_a_device_and_a_worker() -> None:
    assert list_devices() == ["cuda:0", "cuda:1", "cpu"]
    assert count_workers(torch.device("cuda:0")) == 2


@pytest.mark.usefixtures("_cpu_alone")
def test_auto_is_the_cpu_where_there_is_nothing_else() -> None:
    assert choose_device("auto") == CPU


@pytest.mark.usefixtures("_cpu_alone")
@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps", "tpu", ""])
def test_a_device_that_is_not_here_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(InputError, match=r"this machine has cpu: use --device cpu") as raised:
        choose_device(name)
    assert raised.value.exit_code == 2


def test_mps_is_chosen_before_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert str(choose_device("auto")) == "mps"


def test_the_cpu_has_a_name() -> None:
    assert describe_device(CPU)


def test_a_worker_is_counted_for_every_core_that_may_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 5}, raising=False)
    monkeypatch.setattr(device, "_CPU_QUOTA", tmp_path / "missing")
    assert count_workers(CPU) == 4


@pytest.mark.parametrize(("text", "cores"), [("250000 100000", 2.5), ("max 100000", None), ("", None)])
def test_a_containers_quota_is_read(tmp_path: Path, text: str, cores: float | None) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert read_cpu_quota(tmp_path / "cpu.max") == cores


@pytest.mark.parametrize(("quota", "workers"), [("250000 100000", 2), ("50000 100000", 1), ("900000 100000", 4)])
def test_a_containers_quota_limits_the_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, workers: int
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(device, "_CPU_QUOTA", tmp_path / "cpu.max")
    assert count_workers(CPU) == workers


@pytest.mark.parametrize("in_hardware", [True, False])
def test_bfloat16_follows_the_architecture_where_the_cpu_has_it(
    monkeypatch: pytest.MonkeyPatch, in_hardware: bool
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16_cpu", lambda: in_hardware)
    small, large = FcnArchitecture(widths=(100, 100)), FcnArchitecture(widths=(10_000,))
    assert tiny_config(small).count_macs() < BFLOAT16_FCN_MACS <= tiny_config(large).count_macs()
    assert not uses_bfloat16(tiny_config(small), CPU)
    assert uses_bfloat16(tiny_config(large), CPU) == in_hardware
    assert uses_bfloat16(tiny_config(TINY_CNN), CPU) == in_hardware
    assert not uses_bfloat16(tiny_config(TINY_CNN), torch.device("mps"))

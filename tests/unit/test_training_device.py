import os
from pathlib import Path

import pytest
import torch

from hpsearch.errors import InputError
from hpsearch.network.architecture import FcnArchitecture
from hpsearch.training import device, precision
from hpsearch.training.cpu_limits import read_cpu_limits, read_cpu_quota
from hpsearch.training.device import choose_device, count_workers, describe_device, list_devices
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


def test_a_worker_is_counted_for_every_core_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 5}, raising=False)
    monkeypatch.setattr(device, "read_cpu_limits", lambda _environment: [])
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
    limits = read_cpu_limits({}, tmp_path, tmp_path / "missing")
    monkeypatch.setattr(device, "read_cpu_limits", lambda _environment: limits)
    assert count_workers(CPU) == workers


def test_a_limit_of_a_slice_above_holds_as_well(tmp_path: Path) -> None:
    (tmp_path / "user.slice" / "x").mkdir(parents=True)
    (tmp_path / "cpu.max").write_text("max 100000")
    (tmp_path / "user.slice" / "cpu.max").write_text("150000 100000")
    (tmp_path / "user.slice" / "x" / "cpu.max").write_text("max 100000")
    (tmp_path / "self").write_text("0::/user.slice/x\n")
    assert read_cpu_limits({}, tmp_path, tmp_path / "self") == [1.5]


def test_the_first_version_s_quota_is_read_and_minus_one_is_none(tmp_path: Path) -> None:
    for folder, quota in (("cpu", -1), ("cpu/job", 200_000)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (tmp_path / folder / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "self").write_text("4:memory:/job\n3:cpu,cpuacct:/job\n")
    assert read_cpu_limits({}, tmp_path, tmp_path / "self") == [2.0]


@pytest.mark.parametrize(("given", "limits"), [("1", [1.0]), ("0", []), ("-1", []), ("many", []), ("", [])])
def test_slurm_s_cores_are_a_limit(tmp_path: Path, given: str, limits: list[float]) -> None:
    assert read_cpu_limits({"SLURM_CPUS_PER_TASK": given}, tmp_path, tmp_path / "missing") == limits


ZEN_5 = {"avx512_bf16": True, "avx512_fp16": False, "amx_bf16": False}
COOPER_LAKE = {"avx512_bf16": True, "avx512_fp16": False}
SAPPHIRE_RAPIDS = {"avx512_bf16": True, "avx512_fp16": True, "amx_bf16": True}
AMX_HIDDEN = SAPPHIRE_RAPIDS | {"amx_bf16": False}


@pytest.mark.parametrize(
    ("model", "capabilities", "is_fast"),
    [
        ("AMD EPYC", ZEN_5, True),
        ("Intel(R) Xeon(R) Gold 6330H", COOPER_LAKE, True),
        ("Intel(R) Xeon(R) Platinum 8480+", SAPPHIRE_RAPIDS, True),
        ("Intel(R) Xeon(R) Processor", AMX_HIDDEN, False),
        ("Intel64 Family 6 Model 207 Stepping 2, GenuineIntel", AMX_HIDDEN, False),
        ("AMD EPYC", AMX_HIDDEN, True),
        ("Apple M4", {}, False),
    ],
)
def test_bfloat16_is_used_where_it_is_faster_than_single_precision(
    monkeypatch: pytest.MonkeyPatch, model: str, capabilities: dict[str, bool], is_fast: bool
) -> None:
    monkeypatch.setattr(precision, "describe_device", lambda device: model)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert precision.has_bfloat16_cpu() == is_fast


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

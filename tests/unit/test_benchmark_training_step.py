import pytest

from benchmarks.training_step import NETWORKS, build_config, is_reference, list_convolutions

LOG = """onednn_verbose,v1,info,cpu,isa:Intel AVX2
onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::blocked:acdb::f0,,,12x12x3x3,0.004
onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx2,forward_training,src:f32,,alg:direct,mb128_ic12,3.1
onednn_verbose,v1,primitive,exec,cpu,convolution,ref:any,backward_weights,src:f32,,alg:direct,mb128_ic12,310.0
something else"""


def test_the_convolutions_of_a_log_are_found_with_their_kernels() -> None:
    found = list_convolutions(LOG.splitlines())
    assert [implementation for implementation, _ in found] == ["brg_conv_fwd:avx2", "ref:any"]


@pytest.mark.parametrize("implementation", ["ref:any", "ref", "gemm:ref", "brg_conv_bwd:avx2+ref:any"])
def test_a_reference_kernel_is_known_by_its_name(implementation: str) -> None:
    assert is_reference(implementation)


@pytest.mark.parametrize("implementation", ["jit:avx2", "brg_conv_bwd:avx2+brg_conv_fwd:avx2", "gemm:jit"])
def test_other_kernels_are_no_reference(implementation: str) -> None:
    assert not is_reference(implementation)


@pytest.mark.parametrize(("network", "budget_weights"), list(zip(NETWORKS, (10_000, 50_000, 100_000), strict=True)))
def test_a_network_of_the_benchmark_is_within_its_budget(network: str, budget_weights: int) -> None:
    assert 0.9 * budget_weights < build_config(network, 1).count_weights() <= budget_weights

"""Muon: which weights it changes, and how."""

import pytest
import torch
from torch import nn

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage
from hpsearch.study.recipe import Recipe
from hpsearch.training.muon import Muon, orthogonalize
from hpsearch.training.networks import build_network
from hpsearch.training.optimizers import build_optimizer

CPU = torch.device("cpu")
TINY_SHAPE = InputShape(1, 6, 6)


@pytest.mark.parametrize("shape", [(3, 50), (50, 3), (24, 24), (1, 9), (64, 576)])
def test_a_matrix_keeps_its_directions_and_gets_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    left_of_it, values_of_it, _ = torch.linalg.svd(orthogonalize(matrix), full_matrices=False)
    well_conditioned = values > 0.2 * values[0]
    near = (left.T @ orthogonalize(matrix) @ right.T).diagonal()[well_conditioned]
    assert left_of_it.shape == left.shape
    assert ((near > 0.6) & (near < 1.3)).all()
    assert values_of_it[0] < 1.3


def test_a_zero_gradient_changes_nothing() -> None:
    assert orthogonalize(torch.zeros(4, 7)).abs().max() == 0


def test_a_dense_weight_moves_as_with_pytorch_s_own() -> None:
    ours, theirs = (nn.Parameter(torch.ones(6, 10)) for _ in range(2))
    group = {"params": [ours], "weight_decay": 0.1, "orthogonal": True}
    optimizer = Muon([group], 0.02, fused=True, capturable=False)
    reference = torch.optim.Muon([theirs], 0.02, 0.1, adjust_lr_fn="match_rms_adamw")
    for seed in range(5):
        gradient = torch.randn(6, 10, generator=torch.Generator().manual_seed(seed))
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimizer.step()
        reference.step()
    moved, expected = (weight.detach() - 1 for weight in (ours, theirs))
    assert torch.nn.functional.cosine_similarity(moved.flatten(), expected.flatten(), dim=0) > 0.999
    assert moved.norm().item() == pytest.approx(expected.norm().item(), rel=0.02)  # they iterate in bfloat16


def test_a_convolution_moves_the_same_wherever_its_numbers_lie() -> None:
    given = torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    moved = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(given.clone(memory_format=memory_format))
        weight.grad = given.flip(0).contiguous(memory_format=memory_format)
        Muon([{"params": [weight], "orthogonal": True}], 0.1, fused=True, capturable=False).step()
        moved.append(weight.detach() - given)
    assert moved[0].norm() > 0.1
    torch.testing.assert_close(moved[0], moved[1].contiguous(), rtol=1e-4, atol=1e-6)


def test_it_takes_what_lies_between_two_layers() -> None:
    cnn = CnnArchitecture(
        stages=(CnnStage(block="plain", channels=(4,)), CnnStage(block="separable", channels=(6,))),
        head="global_average",
        dense=(5,),
        activation="relu",
        batch_norm=True,
    )
    fcn = FcnArchitecture(widths=(7, 5), activation="relu", batch_norm=True)
    shapes = {}
    for name, architecture in (("cnn", cnn), ("fcn", fcn)):
        network = build_network(architecture, TINY_SHAPE, 3)
        optimizer = build_optimizer(Recipe(epochs=1, optimizer="muon"), network, CPU)
        taken = [group for group in optimizer.param_groups if group.get("orthogonal")]
        shapes[name] = [tuple(weight.shape) for group in taken for weight in group["params"]]
    assert shapes["cnn"] == [(6, 4, 1, 1), (5, 6)], "neither pixels, depthwise kernels nor the last layer"
    assert shapes["fcn"] == [(7, TINY_SHAPE.size), (5, 7)]

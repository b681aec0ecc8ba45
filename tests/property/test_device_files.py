"""What is counted of a network on a small device is what its file has, and what the real interpreters say."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture
from hpsearch.network.device_graph import Precision, lower
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.memory import count_flash, count_ram
from hpsearch.training.blocks import InputNormalization
from hpsearch.training.device_layers import choose_pixel_scale, fold_layers, needs_scaled_pools
from hpsearch.training.device_network import DeviceNetwork
from hpsearch.training.networks import build_network
from hpsearch.training.quantization import DeviceModel, find_scales
from tests.device_networks import INPUT_SHAPES, architectures

pytest.importorskip("ai_edge_litert")

from hpsearch.export.micro_interpreter import has_micro_interpreter, run_micro
from hpsearch.export.tflite_writer import write_tflite

CLASSES = 5
FILE_BYTES = 4096
"""From where on the closed form is within 3%; below it a few hundred bytes of structure vary by more."""


def train_a_little(architecture: Architecture, input_shape: InputShape) -> tuple[torch.nn.Module, torch.Tensor]:
    """A network whose norms have seen images, and images of noise; some of its norms turn a channel round."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (16, *input_shape), dtype=torch.uint8, generator=generator)
    network = build_network(architecture, input_shape, CLASSES)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, InputNormalization):
                module.measure(images)
            elif isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                module.weight.uniform_(-0.2, 1.5, generator=generator)
                module.bias.normal_(0, 0.3, generator=generator)
        network.train()
        for _ in range(3):
            network(images.float())
    return network.eval(), images


def make_model(
    architecture: Architecture, input_shape: InputShape, precision: Precision
) -> tuple[DeviceModel, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The model, images, the trained network's logits and those of the device's operators in PyTorch."""
    network, images = train_a_little(architecture, input_shape)
    graph = lower(architecture, input_shape, CLASSES, precision)
    if needs_scaled_pools(network, graph):
        graph = lower(architecture, input_shape, CLASSES, precision, scales_pools=True)
    pixels = choose_pixel_scale(network, graph)
    layers = fold_layers(network, graph, pixels)
    single = fold_layers(network, graph, pixels, lambda tensor: tensor.detach())
    scales = find_scales(graph, layers, pixels, images) if precision == "int8" else None
    with torch.no_grad():
        device = DeviceNetwork(graph, single, pixels, scales).compute_logits(images)
        logits = network(images)
    arrays = tuple((layer.kernel.numpy(), layer.bias.numpy()) for layer in layers)
    return DeviceModel(graph, arrays, None if scales is None else tuple(scales)), images, logits, device


def write(model: DeviceModel) -> bytes:
    return write_tflite(model.graph, model.arrays, model.scales, description="")


def interpret(file: bytes, images: torch.Tensor) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=file, experimental_op_resolver_type=resolver)
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(given["index"], [len(images), *given["shape"][1:]])
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], np.ascontiguousarray(images.numpy().transpose(0, 2, 3, 1)))
    interpreter.invoke()
    values = interpreter.get_tensor(made["index"])
    if values.dtype == np.int8:
        scale, zero = made["quantization"]
        return (values.astype(np.float32) - zero) * scale
    return values


def survives(architecture: Architecture, input_shape: InputShape) -> bool:
    try:
        architecture.count_weights(input_shape, CLASSES)
    except ArchitectureError:
        return False
    return True


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(architectures(), INPUT_SHAPES)
def test_a_file_gives_the_trained_networks_logits_and_is_as_large_as_counted(
    architecture: Architecture, input_shape: InputShape
) -> None:
    assume(survives(architecture, input_shape))
    for precision in ("fp32", "int8"):
        model, images, logits, device = make_model(architecture, input_shape, precision)
        file = write(model)
        scale = max(1.0, float(logits.abs().max()))
        given = interpret(file, images)
        if precision == "fp32":
            assert np.abs(given - logits.numpy()).max() <= 1e-4 * scale
            assert float((device - logits).abs().max()) <= 1e-4 * scale
        else:
            assert model.scales is not None
            # A step or two of the logits: sums are rounded at other places.
            assert np.abs(given - device.numpy()).max() <= 3.01 * model.scales[-1].scale
            assert np.abs(given - logits.numpy()).mean() <= 0.1 * scale
        counted = count_flash(model.graph)
        assert len(file) <= counted
        assert counted <= 1.03 * max(len(file), FILE_BYTES)


@pytest.mark.slow
@pytest.mark.skipif(not has_micro_interpreter(), reason="tflite-micro has no wheel here")
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # each example is a process
    suppress_health_check=list(HealthCheck),
)
@given(architectures(), INPUT_SHAPES)
def test_the_real_micro_interpreter_takes_the_memory_that_was_counted(
    architecture: Architecture, input_shape: InputShape
) -> None:
    assume(survives(architecture, input_shape))
    for precision in ("fp32", "int8"):
        model, images, _, _ = make_model(architecture, input_shape, precision)
        file = write(model)
        counted = count_ram(model.graph)
        run = run_micro(file, images[:2].numpy(), counted)
        assert run.head_bytes == counted
        outputs = run.outputs.astype(np.float32)
        if model.scales is not None:
            outputs = (outputs - model.scales[-1].zero) * model.scales[-1].scale
        step = 4.01 * model.scales[-1].scale if model.scales is not None else 1e-3
        assert np.abs(outputs - interpret(file, images[:2])).max() <= step

"""A trained network in whole numbers of 8 bits: its operators, their weights and the scales of what flows.

Ranges are those that training images take, from end to end: a value beyond its range would be cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hpsearch.network.device_graph import DeviceGraph, Precision, lower
from hpsearch.network.tensor_scale import Range, TensorScale, choose_scales
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.calibration import choose_device_images
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.device_layers import (
    LayerWeights,
    PixelScale,
    choose_pixel_scale,
    fold_layers,
    needs_scaled_pools,
)
from hpsearch.training.device_network import DeviceNetwork
from hpsearch.training.evaluation import evaluate
from hpsearch.training.rebuild import rebuild_network

_BATCH_IMAGES = 256

WideArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DeviceModel:
    """All that a .tflite file is written of."""

    graph: DeviceGraph
    arrays: tuple[tuple[WideArray, WideArray], ...]
    """The kernel and the bias of every operator with weights."""
    scales: tuple[TensorScale, ...] | None
    """Of every tensor in whole numbers; None in single precision."""


def make_device_model(config: TrialConfig, weights: bytes, precision: Precision, images: ByteArray) -> DeviceModel:
    """The network of a trial as a device runs it.

    Args:
        config: The trial.
        weights: Its trained weights, as safetensors.
        precision: Of the device.
        images: Training images (n, channels, height, width), whose values give the ranges in whole numbers.

    Raises:
        InputError: The weights do not belong to this configuration.
    """
    network = rebuild_network(config, weights, torch.device("cpu"))
    graph = lower_network(config, network, precision)
    pixels = choose_pixel_scale(network, graph)
    layers = fold_layers(network, graph, pixels)
    scales = None
    if precision == "int8":
        scales = tuple(find_scales(graph, layers, pixels, torch.from_numpy(np.ascontiguousarray(images))))
    arrays = tuple((layer.kernel.numpy(), layer.bias.numpy()) for layer in layers)
    return DeviceModel(graph, arrays, scales)


def lower_network(config: TrialConfig, network: nn.Module, precision: Precision) -> DeviceGraph:
    """The operators of a trained network, which may need one more behind a pool than its architecture says."""
    shape, classes = config.dataset.input_shape, config.dataset.class_count
    graph = lower(config.architecture, shape, classes, precision)
    if needs_scaled_pools(network, graph):
        return lower(config.architecture, shape, classes, precision, scales_pools=True)
    return graph


def find_scales(
    graph: DeviceGraph, layers: Sequence[LayerWeights], pixels: PixelScale, images: Tensor
) -> list[TensorScale]:
    """The scale of every tensor, from the values that images give."""
    lows, highs = [0.0] * len(graph.shapes), [0.0] * len(graph.shapes)

    def watch(number: int, values: Tensor) -> None:
        low, high = torch.aminmax(values)
        lows[number], highs[number] = min(lows[number], float(low)), max(highs[number], float(high))

    single = [LayerWeights(layer.kernel.detach().float(), layer.bias.detach().float()) for layer in layers]
    network = DeviceNetwork(graph, single, pixels)
    with torch.no_grad():
        for batch in torch.split(images, _BATCH_IMAGES):
            network.compute_logits(batch, watch)
    ranges: list[Range] = list(zip(lows, highs, strict=True))
    return choose_scales(graph, ranges, pixels.zero, pixels.scale)


class RoundedNetwork(nn.Module):
    """A network in training that computes as a device does, rounding included.

    Its weights are the network's own, and gradients reach them through the folding of the norms, whose statistics stay
    as they are; nothing else has to be stored of it.
    """

    def __init__(self, config: TrialConfig, network: nn.Module, images: Tensor) -> None:
        """Find the scales for the weights as they are, from these images (n, channels, height, width)."""
        super().__init__()
        self.network = network
        self._graph = lower_network(config, network, "int8")
        self._pixels = choose_pixel_scale(network, self._graph)
        with torch.no_grad():
            layers = fold_layers(network, self._graph, self._pixels, _keep)
        self._scales = find_scales(self._graph, layers, self._pixels, images)

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, height, width) -> (n, classes)."""
        layers = fold_layers(self.network, self._graph, self._pixels, _keep)
        return DeviceNetwork(self._graph, layers, self._pixels, self._scales).compute_logits(images)


def measure_int8_accuracy(config: TrialConfig, network: nn.Module, images: Tensor, validation: LabelledImages) -> float:
    """The accuracy of a trained network in whole numbers of 8 bits, by rounding as a device does.

    Ranges come from the same images as those of an exported file, whose accuracy in ai-edge-litert it is but for ties.

    Args:
        config: The trial.
        network: Its trained network.
        images: The training images (n, channels, height, width), as bytes, where the network lies.
        validation: What it is measured on, there as well.
    """
    chosen = torch.from_numpy(choose_device_images(config, images.cpu().numpy())).to(images.device)
    rounded = RoundedNetwork(config, network, chosen).train(network.training)
    return evaluate(rounded, validation.images, validation.labels, images.device).accuracy


def _keep(tensor: Tensor) -> Tensor:
    return tensor

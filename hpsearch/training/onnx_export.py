"""A trained network as an ONNX file, which runs without PyTorch and without hpsearch.

PyTorch's exporter through `torch.export` is used: the older one through TorchScript is deprecated, and its graphs have
four times the nodes. Batch norms are folded into the layers before them, dropout is gone, and the normalization of the
pixels is the first thing in the graph.
"""

import contextlib
import io
import warnings
from collections.abc import Mapping
from typing import Any

import torch

from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.rebuild import rebuild_network

OPSET = 20
"""The version of ONNX's operators: the first one with Gelu, known to onnxruntime since 1.17."""
INPUT_NAME, OUTPUT_NAME, BATCH_NAME = "images", "logits", "batch"

_TRACED_IMAGES = 2
"""In the batch that is traced: an exporter takes a length of 1 for a constant."""


def convert_to_onnx(config: TrialConfig, weights: bytes, metadata: Mapping[str, str]) -> bytes:
    """The network of a trial as an ONNX model: bytes (batch, channels, height, width) -> logits (batch, classes).

    Args:
        config: The trial.
        weights: Its trained weights, as safetensors.
        metadata: What the file says of itself, by key.

    Raises:
        InputError: The weights do not belong to this configuration.
        ImportError: The packages that ONNX needs are not installed.
    """
    network = rebuild_network(config, weights, torch.device("cpu")).requires_grad_(False)
    images = torch.zeros((_TRACED_IMAGES, *config.dataset.input_shape), dtype=torch.uint8)
    # The exporter speaks on both streams of deprecations in itself.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (images,),
            dynamo=True,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_shapes=({0: torch.export.Dim(BATCH_NAME)},),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("PyTorch's exporter gave no model")
    model = program.model_proto
    _forget_origin(model)
    return describe_model(model, metadata)


def describe_model(model: Any, metadata: Mapping[str, str]) -> bytes:
    """The bytes of an ONNX model with this metadata in place of its own."""
    import onnx
    from onnx.helper import set_model_props

    set_model_props(model, dict(metadata))
    model.producer_name, model.producer_version = "hpsearch", metadata.get("hpsearch_version", "")
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _forget_origin(model: Any) -> None:
    """Take out the exporter's notes: they hold the paths of this machine, and are half of a small file."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""

"""The files that a small device takes: .tflite in fp32 and in int8, a C header, an example in C++."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.errors import InputError
from hpsearch.export.bundle_files import EXAMPLE_CC, INT8_HEADER, INT8_TFLITE, TFLITE
from hpsearch.export.classifier import require_packages
from hpsearch.export.micro_sources import write_example, write_header
from hpsearch.export.tflite_classifier import TFLITE_INSTALL_COMMAND, TFLITE_PACKAGES
from hpsearch.export.tflite_writer import write_tflite
from hpsearch.network.architecture import Activation
from hpsearch.network.device_graph import OPERATORS_OF_ACTIVATION
from hpsearch.network.memory import count_flash, count_ram
from hpsearch.study.targets import MICRO_OPERATORS, runs_on
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.quantization import DeviceModel, make_device_model

TFLITE_FILES = (TFLITE, INT8_TFLITE, INT8_HEADER, EXAMPLE_CC)


@dataclass(frozen=True)
class TfliteFiles:
    """The files, and what the manifest says of them."""

    contents: Mapping[str, bytes]
    facts: Mapping[str, Any]


def check_activation(activation: Activation, whose: str) -> None:
    """Raises InputError where TensorFlow Lite Micro has no kernels for an activation."""
    if not runs_on(activation, MICRO_OPERATORS):
        able = ", ".join(name for name in OPERATORS_OF_ACTIVATION if runs_on(name, MICRO_OPERATORS))
        raise InputError(
            f"{whose} has activation {activation}, which TensorFlow Lite Micro lacks: search with --target, or with "
            f"one of {able}"
        )


def make_tflite_files(
    config: TrialConfig, weights: bytes, images: ByteArray, description: Mapping[str, str]
) -> TfliteFiles:
    """Every file for a small device.

    Args:
        config: The trial.
        weights: Its trained weights, as safetensors.
        images: Training images (n, channels, height, width), whose values give the ranges of whole numbers.
        description: What the .tflite files say of themselves, by key.

    Raises:
        InputError: A package is missing, or TensorFlow Lite Micro lacks the activation.
    """
    require_packages(*TFLITE_PACKAGES, what="--format tflite", command=TFLITE_INSTALL_COMMAND)
    check_activation(config.architecture.activation, "the network")
    single = make_device_model(config, weights, "fp32", images)
    whole = make_device_model(config, weights, "int8", images)
    bare = _write(whole, None)
    contents = {
        TFLITE: _write(single, description),
        INT8_TFLITE: _write(whole, description),
        INT8_HEADER: write_header(bare, whole.graph, config.dataset.class_names).encode(),
        EXAMPLE_CC: write_example(whole.graph).encode(),
    }
    scales = whole.scales or ()
    facts = {
        "operators": list(whole.graph.list_operators()),
        "ram_int8_bytes": count_ram(whole.graph),
        "flash_int8_bytes": count_flash(whole.graph),
        "file_int8_bytes_without_metadata": len(bare),
        "ram_fp32_bytes": count_ram(single.graph),
        "flash_fp32_bytes": count_flash(single.graph),
        "input": {"type": "uint8", "shape": [1, *whole.graph.shapes[0]]},
        "output": {
            "type": "int8",
            "shape": [1, *whole.graph.shapes[-1]],
            "scale": scales[-1].scale,
            "zero": scales[-1].zero,
        },
    }
    return TfliteFiles(contents, facts)


def _write(model: DeviceModel, description: Mapping[str, str] | None) -> bytes:
    """A file with its description as metadata, or bare as the header has it."""
    metadata = None if description is None else json.dumps(dict(description)).encode()
    return write_tflite(model.graph, model.arrays, model.scales, description="hpsearch", metadata=metadata)

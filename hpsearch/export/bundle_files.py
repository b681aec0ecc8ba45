"""The files of a bundle: their names, and the manifest that has the hash of each.

config.toml, config.json   the trial's configuration: all that is needed to train it again
model.safetensors          its trained weights
model.onnx                 the network with its weights, for any runtime of ONNX; bytes in, logits out
model-int8.onnx            the same in 8-bit whole numbers, where it was asked for
model.tflite               the network for TensorFlow Lite, where it was asked for; with it the next three
model-int8.tflite          the same in 8-bit whole numbers, for TensorFlow Lite Micro
model_int8.h               its bytes and sizes, for a firmware
classify.cc                an example in C++ that uses them
README.md                  the model card
trained-on.bin             which images it was trained on: 8 bytes of the hash of each one's pixels, sorted
curve.png, confusion.png   the learning curve, and the confusion matrix on the validation split
manifest.json              what the bundle is, its figures, its parameters, and the SHA-256 of every other file
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MANIFEST, CARD = "manifest.json", "README.md"
CONFIGS = ("config.toml", "config.json")
SAFETENSORS, ONNX, INT8_ONNX = "model.safetensors", "model.onnx", "model-int8.onnx"
TFLITE, INT8_TFLITE = "model.tflite", "model-int8.tflite"
INT8_HEADER, EXAMPLE_CC = "model_int8.h", "classify.cc"
SEEN = "trained-on.bin"
CURVE, CONFUSION = "curve.png", "confusion.png"

MANIFEST_VERSION = 1


def hash_content(content: bytes) -> dict[str, Any]:
    """What the manifest has of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def to_json(document: Mapping[str, Any]) -> bytes:
    """A JSON file."""
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()

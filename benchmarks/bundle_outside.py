"""A bundle where neither hpsearch nor PyTorch is: its accuracy on the test split by onnxruntime, its weights by NumPy.

    python -m venv outside && outside/bin/pip install numpy onnxruntime safetensors
    outside/bin/python benchmarks/bundle_outside.py BUNDLE t10k-images-idx3-ubyte t10k-labels-idx1-ubyte

The images are those files of FashionMNIST or MNIST as they are, or as `.gz`. Ends with 1 where the accuracy or the
number of weights is another one than the bundle's manifest has.
"""

import gzip
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file: two zeros, the type of its values, its number of lengths, its lengths, its values."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dimensions = content[3]
    lengths = np.frombuffer(content, ">u4", dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(lengths.astype(int))


def main() -> int:
    bundle, images_path, labels_path = (Path(argument) for argument in sys.argv[1:4])
    for module in ("torch", "hpsearch"):
        print(f"{module} is {'here' if importlib.util.find_spec(module) else 'not here'}")
    images, labels = read_idx(images_path)[:, None], read_idx(labels_path)
    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    right = 0
    for start in range(0, len(images), 1000):
        (logits,) = session.run(None, {"images": images[start : start + 1000]})
        right += int((logits.argmax(1) == labels[start : start + 1000]).sum())
    manifest = json.loads((bundle / "manifest.json").read_text())
    recorded = manifest["test_accuracy"]
    print(
        f"onnxruntime: {right:,} of {len(images):,} right, {right / len(images):.2%}; the manifest has {recorded:.2%}"
    )
    arrays = load_file(bundle / "model.safetensors")
    trained = sum(array.size for name, array in arrays.items() if name.endswith((".weight", ".bias")))
    print(f"safetensors: {len(arrays)} arrays, {trained:,} of them trained; the manifest has {manifest['weights']:,}")
    return 0 if (round(recorded * len(images)), manifest["weights"]) == (right, trained) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a model card says of its use: what to type and to write, with and without hpsearch."""

from collections.abc import Collection, Mapping
from typing import Any

from hpsearch.dataset import InputShape
from hpsearch.export.bundle_files import EXAMPLE_CC, INT8_HEADER, INT8_TFLITE, ONNX, SAFETENSORS
from hpsearch.export.classifier import INSTALL_COMMAND
from hpsearch.study.trial_config import TrialConfig


def write_use(name: str, config: TrialConfig, files: Collection[str]) -> str:
    """How the network is run from the bundle's folder, by whatever its files are for."""
    shape = config.dataset.input_shape
    parts = [_write_commands(name, is_validated=config.is_validated)]
    if ONNX in files:
        parts.append(_write_onnx(shape))
    if INT8_TFLITE in files:
        parts.append(_write_tflite(shape))
    if SAFETENSORS in files:
        parts.append(_WEIGHTS)
    return "\n\n".join(part.strip("\n") for part in parts)


def write_origin(name: str, manifest: Mapping[str, Any]) -> str:
    """How it is trained again, and what wrote it."""
    versions = ", ".join(f"{package} {version}" for package, version in manifest["versions"].items())
    enqueue = f"""
# as a trial of a study of the same data set and family
hpsearch enqueue STUDY {name}"""
    return f"""
## Train it again

```sh
# with the same seed, or with several; config.toml has all that the training depends on, and may be edited
hpsearch train {name}
hpsearch train {name} --replicates 5{enqueue if manifest["parameters"] else ""}
```

Exported with {versions}. What uses ONNX is installed by `{INSTALL_COMMAND}`.
"""


def _write_commands(name: str, *, is_validated: bool) -> str:
    evaluate = f"""
# the accuracy on the test split, which this opens
hpsearch evaluate {name}"""
    if is_validated:
        evaluate = f"""
# the accuracy again; without --split it opens the test split
hpsearch evaluate {name} --split validation"""
    return f"""
## Use

```sh
# the class and its probability, of image files and of folders of them
hpsearch predict {name} image.png{evaluate}
```
"""


def _write_onnx(shape: InputShape) -> str:
    size = f"{shape.channels}, {shape.height}, {shape.width}"
    return f"""
Without hpsearch and PyTorch (`pip install numpy onnxruntime`), from this folder:

```python
import json

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("{ONNX}")
class_names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
images = np.zeros((1, {size}), np.uint8)  # pixels as they are, 0 to 255
(logits,) = session.run(None, {{"images": images}})
print(class_names[logits[0].argmax()])
```
"""


def _write_tflite(shape: InputShape) -> str:
    size = f"{shape.height}, {shape.width}, {shape.channels}"
    return f"""
On a computer without hpsearch and PyTorch (`pip install ai-edge-litert`), from this folder:

```python
import numpy as np
from ai_edge_litert.interpreter import Interpreter

model = Interpreter("{INT8_TFLITE}")
model.allocate_tensors()
image = np.zeros((1, {size}), np.uint8)  # pixels as they are
model.set_tensor(model.get_input_details()[0]["index"], image)
model.invoke()
print(model.get_tensor(model.get_output_details()[0]["index"])[0].argmax())
```

In a firmware: `{INT8_HEADER}` is the same network as an array, `{EXAMPLE_CC}` runs it by TensorFlow Lite Micro and \
registers just the operators that it has.
"""


_WEIGHTS = f"""
The weights alone (`pip install numpy safetensors`):

```python
from safetensors.numpy import load_file

weights = load_file("{SAFETENSORS}")
print({{name: array.shape for name, array in weights.items()}})
```
"""

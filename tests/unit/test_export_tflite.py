"""--format tflite: files that a small device takes, verified, and refused where the device could not run them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpsearch.errors import InputError
from hpsearch.export import verification
from hpsearch.export.bundle_files import EXAMPLE_CC, INT8_HEADER, INT8_TFLITE, TFLITE
from hpsearch.export.device_limits import list_excesses
from hpsearch.export.micro_interpreter import has_micro_interpreter
from hpsearch.export.opened_bundle import open_bundle
from hpsearch.export.tflite_classifier import TfliteClassifier
from hpsearch.export.verification import VerificationError
from hpsearch.network.limits import Limits
from hpsearch.training.data import load_search_splits
from tests.trained_study import TrainedStudy, train_study

pytest.importorskip("ai_edge_litert")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    space = {"blocks": 1, "blocks_last": 1, "batch_size": 8}
    return train_study(tmp_path_factory.mktemp("tflite"), arch="cnn", budget="3k", ram="8k", flash="32k", space=space)


@pytest.fixture(scope="module")
def bundle(study: TrainedStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study.export(tmp_path_factory.mktemp("exports"), format="tflite")


def test_the_files_are_there_within_the_limits_and_the_manifest_says_what_they_take(bundle: Path) -> None:
    opened = open_bundle(bundle)
    assert {TFLITE, INT8_TFLITE, INT8_HEADER, EXAMPLE_CC} <= opened.files.keys()
    facts = opened.manifest["tflite"]
    assert facts["file_int8_bytes_without_metadata"] <= facts["flash_int8_bytes"] <= 32 * 1024
    assert facts["ram_int8_bytes"] <= 8 * 1024
    assert opened.manifest["limits"] == {"budget": 3000, "ram": 8 * 1024, "flash": 32 * 1024}
    assert facts["over_limits"] == []
    if has_micro_interpreter():
        assert facts["micro"]["arena_head_bytes"] == pytest.approx(facts["ram_int8_bytes"], rel=0.1)
        assert facts["micro"]["arena_tail_bytes"] > 0
    card = (bundle / "README.md").read_text()
    assert "accuracy of the int8 .tflite" in card
    assert "pip install ai-edge-litert" in card


def test_the_int8_file_alone_gives_the_recorded_accuracy(study: TrainedStudy, bundle: Path, tmp_path: Path) -> None:
    """In a process that may import neither PyTorch nor hpsearch."""
    opened = open_bundle(bundle)
    config = opened.config
    splits = load_search_splits(
        str(study.archive),
        study.cache_folder,
        validation_fraction=config.validation_fraction,
        split_seed=config.split_seed,
        rules=config.dataset.rules,
    )
    images, labels = splits.validation.images.numpy(), splits.validation.labels.numpy()
    np.savez(tmp_path / "validation.npz", images=images.transpose(0, 2, 3, 1), labels=labels)
    script = (
        "import sys, numpy as np\n"
        "sys.modules['torch'] = sys.modules['hpsearch'] = None\n"
        "from ai_edge_litert.interpreter import Interpreter\n"
        "data = np.load(sys.argv[2]); model = Interpreter(sys.argv[1]); model.allocate_tensors()\n"
        "given, made = model.get_input_details()[0]['index'], model.get_output_details()[0]['index']\n"
        "right = 0\n"
        "for image, label in zip(data['images'], data['labels']):\n"
        "    model.set_tensor(given, image[None]); model.invoke()\n"
        "    right += int(model.get_tensor(made)[0].argmax() == label)\n"
        "print(right)\n"
    )
    command = [sys.executable, "-c", script, str(bundle / INT8_TFLITE), str(tmp_path / "validation.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout.split()[-1]) == opened.manifest["verified"][INT8_TFLITE]["correct"]


def test_the_header_holds_the_network_and_compiles_with_the_example(bundle: Path, tmp_path: Path) -> None:
    header = (bundle / INT8_HEADER).read_text()
    size = int(re.search(r"HPSEARCH_MODEL_BYTES (\d+)", header)[1])  # type: ignore[index]
    array = re.search(r"hpsearch_model\[HPSEARCH_MODEL_BYTES\] = \{(.*?)\};", header, re.DOTALL)
    assert array is not None
    content = bytes(int(number) for number in array[1].replace("\n", "").split(",") if number.strip())
    assert len(content) == size == open_bundle(bundle).manifest["tflite"]["file_int8_bytes_without_metadata"]
    opened = open_bundle(bundle)
    images = np.zeros((2, *opened.config.dataset.input_shape), np.uint8)
    logits = [
        TfliteClassifier(opened.config, each, "it").compute_logits(images)
        for each in (content, opened.files[INT8_TFLITE])
    ]
    assert (logits[0] == logits[1]).all()
    _write_stub_of_micro(tmp_path)
    example = (bundle / EXAMPLE_CC).read_text()
    assert example.count("resolver.Add") == len(opened.manifest["tflite"]["operators"])
    command = ["g++", "-std=c++17", "-Wall", "-Werror", "-fsyntax-only", f"-I{tmp_path}", str(bundle / EXAMPLE_CC)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        pytest.skip("no compiler here")
    assert done.returncode == 0, done.stderr


def _write_stub_of_micro(folder: Path) -> None:
    """The part of TensorFlow Lite Micro's API that the example uses, with its names and types."""
    from hpsearch.export.micro_sources import _RESOLVERS

    methods = "\n".join(f"TfLiteStatus {name}() {{ return kTfLiteOk; }}" for name in sorted(set(_RESOLVERS.values())))
    files = {
        "micro/micro_mutable_op_resolver.h": f"""#pragma once
            #include <cstddef>
            #include <cstdint>
            enum TfLiteStatus {{ kTfLiteOk, kTfLiteError }};
            union Data {{ uint8_t* uint8; int8_t* int8; }};
            struct TfLiteTensor {{ Data data; size_t bytes; }};
            namespace tflite {{
            struct MicroOpResolver {{}};
            template <unsigned int count> struct MicroMutableOpResolver : MicroOpResolver {{ {methods} }};
            }}""",
        "schema/schema_generated.h": """#pragma once
            namespace tflite { struct Model {}; const Model* GetModel(const void* buffer); }""",
        "micro/micro_interpreter.h": """#pragma once
            #include "micro_mutable_op_resolver.h"
            #include "../schema/schema_generated.h"
            namespace tflite { struct MicroInterpreter {
            MicroInterpreter(const Model*, const MicroOpResolver&, uint8_t*, size_t);
            TfLiteStatus AllocateTensors(); TfLiteStatus Invoke();
            TfLiteTensor* input(size_t); TfLiteTensor* output(size_t); }; }""",
    }
    for name, text in files.items():
        path = folder / "tensorflow" / "lite" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_what_is_over_a_limit_is_said(bundle: Path) -> None:
    facts = open_bundle(bundle).manifest["tflite"]
    size = facts["file_int8_bytes_without_metadata"]
    facts |= {"micro": {"arena_head_bytes": 2049}}
    assert list_excesses(Limits(budget=1, flash=size, ram=2049, macs=1), facts) == []
    assert list_excesses(Limits(flash=size - 1, ram=2048), facts) == [
        "the arena in TensorFlow Lite Micro has a head of 2,049 bytes, over --ram 2k: give the search a smaller limit",
        f"model-int8.tflite without its metadata is {size:,} bytes, over --flash {size - 1}: give the search a smaller "
        "limit",
    ]


def test_an_activation_that_the_device_lacks_is_refused(tmp_path: Path) -> None:
    study = train_study(tmp_path / "gelu", space={"activation": "gelu", "batch_size": 8})
    with pytest.raises(InputError, match="trial 0 has activation gelu, which TensorFlow Lite Micro lacks"):
        study.export(tmp_path / "exports", format="tflite")
    assert not (tmp_path / "exports").exists()


def test_a_file_that_gives_something_else_is_not_exported(
    study: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TfliteClassifier.compute_logits

    def compute_wrongly(self: TfliteClassifier, images: np.ndarray) -> np.ndarray:
        return real(self, images) + np.float32(0.01)

    monkeypatch.setattr(verification.TfliteClassifier, "compute_logits", compute_wrongly)
    with pytest.raises(VerificationError, match=r"model\.tflite does not give what the trained network gives"):
        study.export(tmp_path, format="tflite")
    assert not list(tmp_path.iterdir())


def test_the_metadata_says_whose_network_it_is(bundle: Path) -> None:
    found = re.search(rb'\{"validation_accuracy".*?\}', open_bundle(bundle).files[INT8_TFLITE], re.DOTALL)
    assert found is not None
    assert json.loads(found[0])["study"] == "study"

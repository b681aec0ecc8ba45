"""ONNX: the same network for every architecture, in a file that needs nothing of ours and tells nothing of us."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hpsearch.errors import InputError
from hpsearch.export import verification
from hpsearch.export.classifier import OnnxClassifier
from hpsearch.export.opened_bundle import open_bundle
from hpsearch.export.quantization import CALIBRATION_IMAGES
from hpsearch.export.verification import VerificationError
from hpsearch.network.architecture import Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.calibration import choose_calibration_images
from hpsearch.training.data import load_search_splits
from hpsearch.training.inference import TrainedNetwork
from hpsearch.training.networks import build_network
from hpsearch.training.onnx_export import IR_VERSION, OPSET, convert_to_onnx
from hpsearch.training.weights import save_weights
from hpsearch.version import __version__
from tests.tiny_training import tiny_config
from tests.trained_study import TrainedStudy, train_study

pytestmark = pytest.mark.slow

ARCHITECTURES: list[Architecture] = [
    FcnArchitecture(widths=(12, 8), activation="silu"),
    FcnArchitecture(widths=(9,), activation="sigmoid", batch_norm=False),
    CnnArchitecture(
        stages=(
            CnnStage(channels=(6, 5), kernel=4, pool=Pool()),
            CnnStage(channels=(8,), block="separable"),
            CnnStage(channels=(8, 8), block="residual", kernel=3, stride=2),
        ),
        activation="gelu",
        dropout_place="everywhere",
    ),
    CnnArchitecture(
        stages=(CnnStage(channels=(6,), padding="valid", stride=2, pool=Pool(kind="average", size=3, stride=1)),),
        activation="leaky_relu",
        head="flatten",
        dense=(7,),
    ),
    CnnArchitecture(
        stages=(CnnStage(channels=(4,), block="residual", kernel=2, pool=Pool(size=3, stride=2)),),
        activation="elu",
        batch_norm=False,
    ),
    CnnArchitecture(stages=(CnnStage(channels=(4,), block="separable", stride=2),), activation="tanh", head="flatten"),
    CnnArchitecture(
        stages=(
            CnnStage(channels=(5,), pool=Pool(), pool_place="before_norm"),
            CnnStage(channels=(5, 6), block="residual", pool=Pool(), pool_place="before_norm"),
        ),
        activation="hard_swish",
    ),
    CnnArchitecture(
        stages=(CnnStage(channels=(4,), block="separable", pool=Pool(kind="average"), pool_place="before_norm"),),
        activation="relu6",
    ),
]

IN_ONE = (0, 2, 3)
"""These have among them every kind of layer, block, pool, padding and head."""

OUTSIDE = """
import json, sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "hpsearch", "onnx", "PIL"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Refusal())
sys.path.append(sys.argv[1])
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[2])
images, labels = np.load(sys.argv[3]), np.load(sys.argv[4])
(logits,) = session.run(None, {"images": images})
singles = [session.run(None, {"images": image[None]})[0][0] for image in images[:3]]
print(json.dumps({
    "accuracy": float((logits.argmax(1) == labels).mean()),
    "single": float(np.abs(np.stack(singles) - logits[:3]).max()),
    "ours": sorted({name.split(".")[0] for name in sys.modules} & {"torch", "hpsearch", "onnx"}),
    "path": sys.path,
}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    return train_study(tmp_path_factory.mktemp("trained"), arch="cnn", epochs=20)


@pytest.fixture(scope="module")
def bundle(trained: TrainedStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With every file that there can be; no test changes it."""
    return trained.export(tmp_path_factory.mktemp("exported"), format="all", int8=True)


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with numpy and onnxruntime and nothing else."""
    folder = tmp_path_factory.mktemp("site-packages")
    installed = Path(sysconfig.get_path("platlib"))
    for name in ("numpy", "numpy.libs", "onnxruntime"):
        if (installed / name).exists():
            (folder / name).symlink_to(installed / name)
    return folder


def build_weights(config: TrialConfig) -> bytes:
    """Of a network as if it had been trained: norms and pixels have statistics of their own."""
    generator = torch.Generator().manual_seed(0)
    network = build_network(config.architecture, config.dataset.input_shape, config.dataset.class_count)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not name.startswith("normalization"):
            low = 0.5 if name.endswith("running_var") else -0.5
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + low)
    return save_weights(network)


def read_manifest(bundle: Path) -> dict[str, Any]:
    return dict(json.loads((bundle / "manifest.json").read_text()))


def run_outside(site_packages: Path, code: str, *arguments: object, folder: Path) -> str:
    command = [sys.executable, "-I", "-S", "-c", code, str(site_packages), *(str(argument) for argument in arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(each, id=each.describe(), marks=[] if index in IN_ONE else pytest.mark.exhaustive)
        for index, each in enumerate(ARCHITECTURES)
    ],
)
def test_every_architecture_gives_the_same_logits_in_onnxruntime(architecture: Architecture) -> None:
    config = tiny_config(architecture, dropout=0.3, input_dropout=0.2)
    weights = build_weights(config)
    model = convert_to_onnx(config, weights, {})
    images = np.random.default_rng(0).integers(0, 256, (300, *config.dataset.input_shape), dtype=np.uint8)
    expected = TrainedNetwork(config, weights).compute_logits(images)
    found = OnnxClassifier(config, model, "model.onnx").compute_logits(images)
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
    assert np.ptp(expected, axis=0).min() > 0


def test_the_file_says_what_it_takes_and_gives_and_what_it_is(bundle: Path, trained: TrainedStudy) -> None:
    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == ("images", "tensor(uint8)", ["batch", 1, 8, 8])
    assert (given.name, given.type, given.shape) == ("logits", "tensor(float)", ["batch", 3])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["class_names"]) == ["0", "1", "2"]
    assert "0 to 255" in metadata["input"]
    assert (metadata["study"], metadata["trial"], metadata["hpsearch_version"]) == ("study", "0", __version__)
    opsets = {entry.domain: entry.version for entry in onnx.load(bundle / "model.onnx").opset_import}
    assert opsets[""] == OPSET == read_manifest(bundle)["onnx"]["opset"]
    assert onnx.load(bundle / "model.onnx").ir_version == IR_VERSION == read_manifest(bundle)["onnx"]["ir_version"]
    assert "needs opset 18 and IR version 8, as onnxruntime >=1.14 has" in (bundle / "README.md").read_text()


def test_onnx_files_tell_nothing_of_this_machine(bundle: Path, trained: TrainedStudy) -> None:
    for name in ("model.onnx", "model-int8.onnx"):
        content = (bundle / name).read_bytes()
        for told in (str(Path(torch.__file__).parent), str(trained.folder), "stack_trace", ".py"):
            assert told.encode() not in content


def test_an_export_is_the_same_to_the_byte_each_time(bundle: Path, trained: TrainedStudy, tmp_path: Path) -> None:
    again = trained.export(tmp_path, format="all", int8=True)
    for file in sorted(bundle.iterdir()):
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_without_torch_and_hpsearch_the_file_reproduces_the_validation_accuracy(
    bundle: Path, trained: TrainedStudy, site_packages: Path, tmp_path: Path
) -> None:
    validation = load_search_splits(str(trained.archive), trained.cache_folder).validation
    np.save(tmp_path / "images.npy", validation.images.numpy())
    np.save(tmp_path / "labels.npy", validation.labels.numpy())
    arguments = (bundle / "model.onnx", tmp_path / "images.npy", tmp_path / "labels.npy")
    found = json.loads(run_outside(site_packages, OUTSIDE, *arguments, folder=tmp_path))
    assert found["accuracy"] == read_manifest(bundle)["validation_accuracy"]
    assert found["single"] < 1e-4
    assert found["ours"] == []
    assert not any("site-packages" in path and path != str(site_packages) for path in found["path"])


def test_the_code_on_the_model_card_runs_as_it_is_written(bundle: Path, site_packages: Path) -> None:
    (use_onnx, use_safetensors) = re.findall(r"```python\n(.*?)```", (bundle / "README.md").read_text(), re.DOTALL)
    code = f"import sys; sys.path.append(sys.argv[1])\n{use_onnx}"
    assert run_outside(site_packages, code, folder=bundle).strip() in ("0", "1", "2")
    ended = subprocess.run(
        [sys.executable, "-c", use_safetensors], capture_output=True, text=True, check=True, cwd=bundle
    )
    assert "output.weight" in ended.stdout


def test_int8_holds_whole_numbers_and_has_its_accuracy_beside_that_of_fp32(bundle: Path, trained: TrainedStudy) -> None:
    manifest = read_manifest(bundle)
    check = manifest["verified"]["model-int8.onnx"]
    assert (
        manifest["int8"]["validation_accuracy"]
        == check["accuracy"]
        == check["correct"] / manifest["verified"]["images"]
    )
    assert manifest["validation_accuracy"] > 0.6
    assert abs(check["accuracy"] - manifest["validation_accuracy"]) <= 0.1
    kinds = {tensor.data_type for tensor in onnx.load(bundle / "model-int8.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    validation = load_search_splits(str(trained.archive), trained.cache_folder).validation
    opened = open_bundle(bundle)
    logits = opened.load_classifier("model-int8.onnx").compute_logits(validation.images.numpy())
    assert (logits.argmax(1) == validation.labels.numpy()).mean() == check["accuracy"]


def test_calibration_images_are_of_the_training_split_and_always_the_same() -> None:
    images = np.arange(1000, dtype=np.uint16).view(np.uint8).reshape(1000, 1, 1, 2)
    chosen = choose_calibration_images(images, seed=1, count=CALIBRATION_IMAGES)
    assert len({image.tobytes() for image in chosen}) == CALIBRATION_IMAGES
    assert np.array_equal(chosen, choose_calibration_images(images, seed=1, count=CALIBRATION_IMAGES))
    assert not np.array_equal(chosen, choose_calibration_images(images, seed=2, count=CALIBRATION_IMAGES))
    assert len(choose_calibration_images(images[:7], seed=1, count=CALIBRATION_IMAGES)) == 7


def test_an_onnx_file_that_gives_something_else_ends_the_export_and_leaves_nothing(
    trained: TrainedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "TOLERANCE", 1e-12)
    with pytest.raises(VerificationError, match=r"model\.onnx does not give what the trained network gives"):
        trained.export(tmp_path / "out", format="onnx")
    assert not (tmp_path / "out").exists()


def test_an_onnx_file_of_something_else_is_refused(bundle: Path, trained: TrainedStudy) -> None:
    config = open_bundle(bundle).config
    other = tiny_config()
    for content, words in (
        (b"nothing of the kind", "cannot be loaded by onnxruntime"),
        (
            convert_to_onnx(
                wide := other.model_copy(
                    update={"dataset": other.dataset.model_copy(update={"class_names": ("a", "b", "c", "d")})}
                ),
                build_weights(wide),
                {},
            ),
            "does not fit config.json",
        ),
    ):
        with pytest.raises(InputError, match=f"model.onnx.*{words}"):
            OnnxClassifier(config, content, "model.onnx")


def test_a_bundle_of_onnx_alone_works_without_safetensors(trained: TrainedStudy, bundle: Path, tmp_path: Path) -> None:
    path = trained.export(tmp_path, format="onnx")
    assert not (path / "model.safetensors").exists()
    opened = open_bundle(path)
    with pytest.raises(InputError, match=r"it has model\.onnx \(--onnx\)"):
        opened.load_classifier()
    images = np.zeros((2, 1, 8, 8), np.uint8)
    same = open_bundle(Path(shutil.copytree(bundle, tmp_path / "copy"))).load_classifier().compute_logits(images)
    assert np.allclose(opened.load_classifier("model.onnx").compute_logits(images), same, atol=1e-4)

"""An exported network, for programs."""

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.api.given_dataset import Dataset, find_dataset
from hpsearch.api.wording import speaks_python
from hpsearch.errors import InputError
from hpsearch.home import expand_home

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hpsearch.export.bundle_evaluation import BundleEvaluation
    from hpsearch.export.classifier import Classifier
    from hpsearch.export.opened_bundle import Bundle as OpenedBundle
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.training.rebuild import Network

ModelFile = Literal["safetensors", "onnx", "int8"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network says of n images."""

    class_names: tuple[str, ...]
    probabilities: "npt.NDArray[np.float64]"
    """(n, classes): softmax of the logits."""
    files: tuple[Path, ...] | None = None
    """The images' files, where files were given; without those that could not be read."""
    failures: tuple[str, ...] = ()
    """Why files could not be read, a line each: the others are answered all the same."""
    notes: tuple[str, ...] = ()
    """What to know of the answers: what was left out of folders, whether images are unlike the training ones."""

    @property
    def labels(self) -> "npt.NDArray[np.int64]":
        """(n,): the number of each image's likeliest class."""
        import numpy as np

        labels: npt.NDArray[np.int64] = self.probabilities.argmax(1).astype(np.int64)
        return labels

    @property
    def classes(self) -> list[str]:
        """The name of each image's likeliest class."""
        return [self.class_names[label] for label in self.labels.tolist()]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __repr__(self) -> str:
        shares = self.probabilities.max(1).tolist() if len(self) else []
        shown = [f"{name} {share:.1%}" for name, share in list(zip(self.classes, shares, strict=True))[:5]]
        more = f"; {len(self.failures)} files could not be read" if self.failures else ""
        dots = ", ..." if len(self) > len(shown) else ""
        return f"<Predictions of {len(self)} images: {', '.join(shown)}{dots}{more}>"


@dataclass(frozen=True, eq=False)
class _Given:
    images: "npt.NDArray[np.uint8]"
    files: tuple[Path, ...] | None = None
    failures: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Bundle:
    """A trial as a folder of files, checked against its manifest when it was loaded."""

    def __init__(self, opened: "OpenedBundle", cache_folder: Path) -> None:
        self._opened = opened
        self._cache_folder = cache_folder

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._opened.path

    @property
    def config(self) -> "TrialConfig":
        """Architecture, recipe, seed and data set."""
        return self._opened.config

    @property
    def class_names(self) -> tuple[str, ...]:
        """By label, class 0 first."""
        return self.config.dataset.class_names

    @property
    def files(self) -> list[str]:
        """Their names."""
        return sorted(self._opened.files)

    @speaks_python
    def network(self, device: str = "cpu") -> "Network":
        """The trained network, a `torch.nn.Module` in eval mode: images (n, channels, height, width), bytes or floats
        from 0 to 255 -> logits (n, classes).

        Raises:
            InputError: The bundle has no safetensors, or there is no such device.
        """
        from hpsearch.export.bundle_files import SAFETENSORS
        from hpsearch.training.device import choose_device
        from hpsearch.training.first_images import watch_first_images
        from hpsearch.training.rebuild import rebuild_network

        if SAFETENSORS not in self._opened.files:
            raise InputError(f"{str(self.path)!r} has no {SAFETENSORS}: it was exported with format='onnx'")
        network = rebuild_network(self.config, self._opened.files[SAFETENSORS], choose_device(device))
        return watch_first_images(network)

    @speaks_python
    def predict(
        self, images: Any, *, resize: bool = False, model: ModelFile = "safetensors", mirror: bool = False
    ) -> Predictions:
        """Say what is on images.

        Files are read by the rule that the network's own images were, also those of another size where it has one. What
        cannot be read is a warning and in `failures`, and what else is to be known is one and in `notes`.

        Args:
            images: Image files or folders of them (a path, or several), or an array or tensor of images: (n, height,
                width), (n, height, width, 1 or 3) or (n, channels, height, width), bytes or floats from 0 to 1.
            resize: Whether image files of another size are resized instead of refused.
            model: Which of the bundle's models: safetensors in PyTorch, onnx or int8 in onnxruntime.
            mirror: Whether what the network says of an image and of its mirror image is averaged, by twice the
                operations.

        Raises:
            InputError: None of the files can be read; arrays have another shape; or the bundle has no such model.
        """
        from hpsearch.export.image_files import compare_brightness

        classifier = self._opened.load_classifier(_name_file(model), mirror=mirror)
        read = self._read(images, resize=resize)
        hint = compare_brightness(read.images, self._opened.manifest.get("brightness"))
        doubts = self._opened.list_doubts_of_mirror() if mirror else []
        notes = (*read.left_out, *([hint] if hint else []), *doubts)
        for line in (*read.failures, *notes):
            warnings.warn(line, stacklevel=3)  # past the wrapper of this method
        shares = _compute_shares(classifier, read.images, len(self.class_names))
        return Predictions(self.class_names, shares, read.files, read.failures, notes)

    @speaks_python
    def evaluate(
        self,
        split: Literal["test", "validation", "all"] | None = None,
        *,
        dataset: Dataset | None = None,
        model: ModelFile = "safetensors",
        mirror: bool = False,
    ) -> "BundleEvaluation":
        """Measure accuracy, loss and confusion on labelled images. `split="test"` opens the test split.

        Args:
            split: Which images. Of its own data set, by whatever path, the default is validation; of another one the
                test split, or all images where it has none.
            dataset: Other images than the bundle's own, as `search` takes them; those that it was trained on are set
                aside.
            model: Which of the bundle's models.
            mirror: Whether what the network says of an image and of its mirror image is averaged.

        Raises:
            InputError: The split was trained on, or the bundle has no such model.
            DataError: The images are not here, are others than the bundle was made with, or do not fit.
        """
        from hpsearch.export.bundle_evaluation import evaluate_bundle

        other = None if dataset is None else find_dataset(dataset, self._cache_folder)
        return evaluate_bundle(
            self._opened,
            self._cache_folder,
            model=_name_file(model),
            dataset=other,
            split=split,
            own_split="validation",
            mirror=mirror,
        )

    def _read(self, images: Any, *, resize: bool) -> "_Given":
        """Images (n, channels, height, width) as bytes, and the files that they come from, if there are some."""
        paths = _list_paths(images)
        dataset = self.config.dataset
        if paths is None:
            from hpsearch.export.given_images import bring_images

            return _Given(bring_images(images, dataset.input_shape))
        from hpsearch.export.image_files import list_images, read_images

        read = read_images(list_images(paths), dataset.input_shape, resizes=resize, preparation=dataset.preparation)
        failures = tuple(line.replace("--resize", "resize=True") for line in read.failures)
        if failures and not read.files:
            raise InputError("; ".join(failures))
        return _Given(read.images, read.files, failures, read.left_out)

    def __repr__(self) -> str:
        return f"<Bundle {str(self.path)!r}: {self.config.architecture.describe()}>"


def _compute_shares(
    classifier: "Classifier", images: "npt.NDArray[np.uint8]", classes: int
) -> "npt.NDArray[np.float64]":
    """The softmax (n, classes) of a network's logits."""
    import numpy as np

    if not len(images):
        return np.empty((0, classes))
    logits = classifier.compute_logits(images).astype(np.float64)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    normed: npt.NDArray[np.float64] = shares / shares.sum(1, keepdims=True)
    return normed


def _list_paths(images: Any) -> list[Path] | None:
    if isinstance(images, str | os.PathLike):
        return [expand_home(images)]
    if isinstance(images, Sequence) and images and all(isinstance(each, str | os.PathLike) for each in images):
        return [expand_home(each) for each in images]
    return None


def _name_file(model: ModelFile) -> str:
    from hpsearch.export.bundle_files import INT8_ONNX, ONNX, SAFETENSORS

    names = {"safetensors": SAFETENSORS, "onnx": ONNX, "int8": INT8_ONNX}
    if model not in names:
        raise InputError(f"model {model!r} is not known: give {_join(names)}")
    return names[model]


def _join(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"


@speaks_python
def load(path: str | os.PathLike[str], *, cache_folder: str | os.PathLike[str] | None = None) -> Bundle:
    """Open an exported network: every file is checked against the manifest before anything in it is believed.

    Args:
        path: The bundle's folder.
        cache_folder: Where data sets are kept; by default what HPSEARCH_CACHE says.

    Raises:
        InputError: It is no bundle, or its files are not what the manifest says.
    """
    from hpsearch.export.opened_bundle import open_bundle
    from hpsearch.training.data.cache import default_cache_folder

    folder = default_cache_folder(os.environ) if cache_folder is None else expand_home(cache_folder)
    return Bundle(open_bundle(expand_home(path)), folder)

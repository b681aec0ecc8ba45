"""A trial of a study, for programs."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.api.place import Place
from hpsearch.api.wording import say_in_python, speaks_python
from hpsearch.home import expand_home

if TYPE_CHECKING:
    from hpsearch.api.bundle import Bundle
    from hpsearch.api.replaying import ReplayResult
    from hpsearch.epoch_result import EpochResult
    from hpsearch.reporting.canvas import Figure
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.training.rebuild import Network
    from hpsearch.tuning.records import StudyRecord, TrialRecord

TrialState = Literal["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]


class Trial:
    """One network of a study as it was when it was asked for: its configuration, its curve, its figures.

    A trial does not change; `study.trials` reads anew.
    """

    def __init__(self, place: Place, study: "StudyRecord", record: "TrialRecord") -> None:
        self._place = place
        self._study = study.study.name
        self._is_validated = study.study.is_validated
        self._record = record

    @property
    def number(self) -> int:
        """From 0, in the order in which trials were drawn."""
        return self._record.number

    @property
    def state(self) -> TrialState:
        """COMPLETE, PRUNED, FAIL, RUNNING or WAITING: Optuna's names."""
        return self._record.state  # type: ignore[return-value]

    @property
    def validation_accuracy(self) -> float | None:
        """After its last epoch, 0 to 1; None while it has none, or where nothing was held out."""
        return self._record.value if self._is_validated else None

    @property
    def int8_validation_accuracy(self) -> float | None:
        """In whole numbers of 8 bits, 0 to 1; None of a trial whose training did not end in them."""
        return self._record.int8_accuracy

    @property
    def test_accuracy(self) -> float | None:
        """0 to 1; None where the test split was not opened for it, as for all but the best."""
        return self._record.test_accuracy

    @property
    def weights(self) -> int | None:
        """How many it has, never more than the budget; None while it is not drawn."""
        return self._record.weights

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates for one image; None while it is not drawn."""
        return self._record.macs

    @property
    def epochs(self) -> int:
        """Trained so far."""
        return self._record.epochs

    @property
    def seconds(self) -> float | None:
        """Of training, its validation included; None while it is not finished."""
        return self._record.seconds

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was searched, by name."""
        return dict(self._record.parameters)

    @property
    def curve(self) -> "tuple[EpochResult, ...]":
        """Losses, accuracy, seconds and learning rate of every epoch; empty while it is not finished."""
        return self._record.curve

    @property
    def config(self) -> "TrialConfig":
        """Architecture, recipe, seed and data set: all that is needed to train it again.

        Raises:
            InputError: It is not drawn yet.
        """
        from hpsearch.errors import InputError

        if self._record.config is None:
            raise InputError(f"trial {self.number} of {self._study!r} is {self.state}: it is not drawn yet")
        return self._record.config

    @property
    def description(self) -> str | None:
        """Its network in a few words: `20-16 relu`; None while it is not drawn."""
        return self._record.network

    @property
    def label(self) -> str | None:
        """What it is a replicate of, in a study whose trainings are planned; None in a search."""
        return self._record.label

    @property
    def reason(self) -> str | None:
        """Why it failed; None where it did not."""
        return self._record.reason

    @speaks_python
    def network(self, device: str = "cpu") -> "Network":
        """The trained network, a `torch.nn.Module` in eval mode.

        It takes images (n, channels, height, width) as bytes or floats from 0 to 255 (it normalizes them itself) and
        gives logits (n, classes). Of a recipe that averages weights it has the averages.

        Args:
            device: As PyTorch has it: cpu, cuda, cuda:1, mps; auto for the best there is.

        Raises:
            InputError: The trial is not complete, so that it has no weights; or there is no such device.
            StorageError: The weights are missing or damaged.
        """
        from hpsearch.training.device import choose_device
        from hpsearch.training.first_images import watch_first_images
        from hpsearch.training.rebuild import rebuild_network
        from hpsearch.tuning.records import load_trial_weights

        chosen = choose_device(device)
        with self._place.open_record(self._study) as record:
            weights = load_trial_weights(record.study, record.trial(self.number))
        return watch_first_images(rebuild_network(self.config, weights, chosen))

    @speaks_python
    def replay(self, device: str = "auto") -> "ReplayResult":
        """Train it again from what is stored, and compare every figure and the weights bit for bit.

        Args:
            device: Where; elsewhere than on the kind of device that trained it, figures differ.

        Raises:
            InputError: It has no curve to compare with.
            DataError: The images are not here.
        """
        from hpsearch.api.replaying import replay_trial

        with self._place.open_record(self._study) as record:
            return replay_trial(record.study, record.trial(self.number), device, self._place.cache_folder)

    @speaks_python
    def export(self, folder: str | os.PathLike[str] = "exports", *, int8: bool = False) -> "Bundle":
        """Write it as a folder of files that run anywhere, verified first; one that is there already is taken.

        Args:
            folder: Where the bundle's own folder, STUDY-trial-NUMBER, is put.
            int8: Whether also as ONNX in 8-bit whole numbers.

        Raises:
            InputError: It is not complete, or something else is in the way.
        """
        from hpsearch.api.exporting import export_chosen

        with self._place.open_record(self._study) as record:
            chosen = [record.trial(self.number)]
            return export_chosen(self._place, record, chosen, expand_home(folder), int8=int8)[0]

    @speaks_python
    def figure(self, kind: Literal["curves", "confusion"] = "curves") -> "Figure":
        """Its learning curve, or how it confuses the classes of the validation split.

        Raises:
            InputError: There is nothing to draw yet.
        """
        from hpsearch.api.figures import make_figure

        with self._place.open_record(self._study) as record:
            return make_figure(record, kind, record.trial(self.number))

    def _repr_html_(self) -> str:
        from hpsearch.views.html import write_trial

        with self._place.open_record(self._study) as record:
            return say_in_python(write_trial(record, record.trial(self.number)))

    def __repr__(self) -> str:
        accuracy = self.validation_accuracy
        figures = [
            f"{accuracy:.2%} validation" if accuracy is not None else "",
            f"{self.weights:,} weights" if self.weights is not None else "",
            self.description or "",
        ]
        return f"<Trial {self.number} of {self._study}: {', '.join([self.state, *filter(None, figures)])}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trial) and (self._study, self._record) == (other._study, other._record)

    def __hash__(self) -> int:
        return hash((self._study, self.number))

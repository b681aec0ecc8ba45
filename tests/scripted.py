"""What stands in for training where a test is about trials and not about networks: a study and a scripted trainer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.epoch_result import EpochResult
from hpsearch.storage.database import Database
from hpsearch.study.file import parse_study_spec
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.study import Study
from hpsearch.tuning.warm_start import Predecessor

TINY_DATASET = DatasetIdentity(
    name="tiny",
    sha256="0" * 64,
    input_shape=InputShape(1, 8, 8),
    class_names=("a", "b", "c"),
    train_count=100,
    test_count=20,
    rules=2,
)


def make_study(
    database: Database,
    name: str = "study",
    *,
    trials: int = 8,
    epochs: int = 3,
    predecessor: Predecessor | None = None,
    **fields: object,
) -> Study:
    """A study of tiny FCNs that any test may claim from; all its trials are drawn, unless the test says otherwise."""
    given = {"name": name, "dataset": "tiny", "arch": "fcn", "budget": "2k", "trials": trials, "epochs": epochs}
    name, spec = parse_study_spec(given | {"pruner": "none", "sampler": "random", "portfolio": False} | fields)
    return create_or_join_study(database, name, spec, TINY_DATASET, predecessor=predecessor)


def finish_trials(study: Study, *accuracies: float) -> None:
    """Claim a trial for each of these, and complete it with that validation accuracy."""
    queue = TrialQueue(study, "finisher", "cpu")
    for accuracy in accuracies:
        trial = queue.claim()
        assert isinstance(trial, ClaimedTrial)
        trial.report(curve_point(0, accuracy))
        trial.complete(b"weights")


def curve_point(epoch: int, accuracy: float) -> EpochResult:
    """An epoch whose only interesting figure is its validation accuracy."""
    return EpochResult(
        epoch=epoch, train_loss=1.0, validation_loss=1.0, validation_accuracy=accuracy, seconds=0.25, lr=0.1
    )


@dataclass
class ScriptedTraining:
    """Epochs of no time at all, and the name of the network as its weights."""

    config: TrialConfig
    before_epoch: Callable[[int], None]
    epochs_done: int = 0

    def epochs(self) -> Iterator[EpochResult]:
        """The accuracy rises by a step that depends on the trial."""
        for epoch in range(self.epochs_done, self.config.recipe.epochs):
            self.before_epoch(epoch)
            self.epochs_done = epoch + 1
            yield curve_point(epoch, (self.config.seed % 1000) / 2000 + epoch / 1000)

    def capture(self) -> bytes:
        """The number of epochs done, and whose they are."""
        return f"{self.config.seed} {self.epochs_done}".encode()

    def confusion(self) -> list[list[int]]:
        """A matrix of 3 classes."""
        return [[3, 1, 0], [0, 4, 0], [0, 1, 2]]

    def int8_accuracy(self) -> float | None:
        """A little less than in single precision, where the recipe ends in whole numbers."""
        return (self.config.seed % 1000) / 2001 if self.config.recipe.int8_epochs else None

    def weights(self) -> bytes:
        """Bytes that differ from trial to trial."""
        return str(self.config.seed).encode()


@dataclass
class ScriptedTrainer:
    """Starts scripted trainings; `before_epoch` may raise, signal or wait."""

    before_epoch: Callable[[int], None] = lambda _epoch: None
    environment: Mapping[str, str] = field(default_factory=lambda: {"hardware": "none", "threads": "1"})
    threads: list[int] = field(default_factory=list)
    """Of each training that was started."""

    def start(
        self, config: TrialConfig, should_stop: Callable[[], bool], checkpoint: bytes | None = None, *, threads: int = 1
    ) -> ScriptedTraining:
        """A training that asks for a stop before every epoch, and goes on where a checkpoint stood."""
        self.threads.append(threads)
        from hpsearch.errors import InputError, TrainingInterrupted

        def before(epoch: int) -> None:
            self.before_epoch(epoch)
            if should_stop():
                raise TrainingInterrupted("asked to")

        if checkpoint is None:
            return ScriptedTraining(config, before)
        seed, epochs_done = checkpoint.decode().split()
        if seed != str(config.seed):
            raise InputError("this checkpoint belongs to another trial")
        return ScriptedTraining(config, before, int(epochs_done))

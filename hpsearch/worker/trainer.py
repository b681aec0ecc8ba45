"""The trainer that a worker uses: hpsearch's own training on the study's data, loaded once for all its trials."""

from collections.abc import Callable

from hpsearch.errors import DataError
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.search_splits import SearchSplits, load_search_splits
from hpsearch.training.device import choose_device, configure_threads, describe_environment, limit_memory
from hpsearch.training.distillation import TeacherLogits, compute_logits
from hpsearch.training.loop import TrainingSession
from hpsearch.training.memory import out_of_memory_as_own_error
from hpsearch.tuning.study import Study
from hpsearch.tuning.teacher_choice import load_teacher_weights
from hpsearch.worker.protocols import WorkerSettings


def open_study_trainer(study: Study, settings: WorkerSettings) -> "StudyTrainer":
    """Load the study's data, choose the device, and have the study's teacher answer every training image.

    Raises:
        DataError: The data are missing, damaged, or others than the study was made with.
        InputError: There is no such device.
        StorageError: The weights of the study's teacher are missing or damaged.
    """
    configure_threads(1)
    limit_memory(choose_device(settings.device), settings.gpu_share)
    dataset = settings.dataset or study.spec.dataset
    splits = load_search_splits(
        dataset,
        settings.cache_folder,
        validation_fraction=study.spec.validation_fraction if study.is_validated else None,
        split_seed=study.spec.seed,
        rules=study.dataset.rules,
        preparation=study.dataset.preparation,
    )
    if splits.identity.sha256 != study.dataset.sha256:
        raise DataError(
            f"data set {dataset!r} holds other images than study {study.name!r} was made with "
            f"({splits.identity.sha256[:12]}, not {study.dataset.sha256[:12]}): bring the old ones back, "
            "or give another --study NAME"
        )
    teacher_logits = None
    if study.teacher is not None:
        weights, device = load_teacher_weights(study), choose_device(settings.device)
        with out_of_memory_as_own_error():
            teacher_logits = compute_logits(study.teacher.config, weights, splits.train.images, device)
    return StudyTrainer(splits, settings.device, teacher_logits)


class StudyTrainer:
    """Trains any trial of one study."""

    def __init__(self, splits: SearchSplits, device: str, teacher_logits: TeacherLogits | None = None) -> None:
        self._splits = splits
        self._teacher_logits = teacher_logits
        self._device = choose_device(device)
        self.environment = describe_environment(self._device)

    def start(
        self, config: TrialConfig, should_stop: Callable[[], bool], checkpoint: bytes | None = None, *, threads: int = 1
    ) -> TrainingSession:
        """Build the network and its optimizer, in the state of a checkpoint where one is given."""
        configure_threads(threads)
        session = TrainingSession(
            config,
            self._splits,
            self._device,
            should_stop=should_stop,
            teacher_logits=self._teacher_logits,
            threads=threads,
        )
        if checkpoint is not None:
            session.restore(checkpoint)
        return session

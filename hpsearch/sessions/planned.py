"""Working on a study whose trials are planned: workers on this machine, then one look at the test split a label."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.sessions.hardware import Hardware, choose_engine_hardware
from hpsearch.sessions.progress import Beginning, Progress
from hpsearch.sessions.search import WorkOrder, search
from hpsearch.sessions.session import check_is_open
from hpsearch.sessions.stopping import Stopping

if TYPE_CHECKING:
    from hpsearch.engines.gpus import GpuShare
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study


@dataclass(frozen=True)
class PlannedWork:
    """How the trials of a study that is there are worked on."""

    storage_url: str
    cache_folder: Path
    device: str
    workers: int | None
    """How many; None for as many as the device bears."""
    dataset: str | None = None
    """Where this machine has the images, if not where the study says."""
    deadline: float | None = None
    """When to end with what there is: in seconds of the machine's monotonic clock."""
    engine: str = "local"
    """What places the workers: `local` or `ray`."""
    gpu_share: "GpuShare | None" = None
    """How many workers may share a GPU, if somebody said so."""

    def choose_hardware(self, dataset: str | None, *, most: int) -> "Hardware":
        """Where `most` trials at most are trained.

        Raises:
            InputError: There is no such device, or no such cluster.
        """
        wanted = (self.device, self.workers, self.gpu_share)
        return choose_engine_hardware(self.engine, *wanted, self.storage_url, self.dataset or dataset, most=most)

    def finish(self, study: "Study", title: str, progress: Progress, stopping: Stopping) -> "StudyRecord":
        """Train what is left, and when nothing is, open the test split for what has no score yet.

        Args:
            study: One whose trials are planned.
            title: What is trained, in a line.
            progress: Hears what happens.
            stopping: Says whether to stop.

        Raises:
            StudyStoppedError: Somebody stopped the study.
            HpsearchError: A worker ended with an error that starting it again does not mend.
        """
        from hpsearch.clock import SystemClock
        from hpsearch.tuning.records import read_study_record

        record = read_study_record(study)
        hardware = self.choose_hardware(study.spec.dataset, most=record.trials_wanted)
        progress.begin(Beginning(record, hardware, None, self.storage_url, title))
        if not record.is_finished:
            check_is_open(record)
            flags = ("--dataset", self.dataset) if self.dataset else ()
            order = WorkOrder(study.name, self.storage_url, hardware, self.cache_folder, self.deadline, flags)
            search(order, lambda: read_study_record(study), progress.open_view(record), stopping, SystemClock())
            record = read_study_record(study)
        return self._score(record, hardware.name, progress) if record.is_finished else record

    def _score(self, record: "StudyRecord", device: str, progress: Progress) -> "StudyRecord":
        """Open the test split once for each label, now that nothing is left to choose."""
        from hpsearch.export.test_score import score_on_test
        from hpsearch.tuning.records import read_study_record

        study = record.study
        with progress.open_steps() as steps:
            for label in study.plan.labels if study.plan else ():
                complete = [trial for trial in record.trials if trial.label == label and trial.state == "COMPLETE"]
                if any(not trial.test_scores for trial in complete):
                    steps.tell(f"opening the test split for {label}")
                    score_on_test(study, complete, device=device, cache_folder=self.cache_folder, dataset=self.dataset)
        return read_study_record(study)

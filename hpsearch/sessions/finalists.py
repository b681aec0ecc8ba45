"""Training the best configurations of a search again, under fresh seeds, to say what is certain."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpsearch.sessions.planned import PlannedWork
from hpsearch.sessions.progress import Progress
from hpsearch.sessions.stopping import Stopping

if TYPE_CHECKING:
    from hpsearch.storage.database import Database
    from hpsearch.study.trial_config import TrainsOn
    from hpsearch.tuning.finalists import Final
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study

TOP, REPLICATES = 3, 5
"""How many configurations, and fresh seeds for each, where nobody says."""


@dataclass(frozen=True)
class FinalistsResult:
    """What came of it."""

    searched: "StudyRecord"
    final: "StudyRecord"
    """The linked study, of which each training is a trial."""
    summary: "Final"


@dataclass(frozen=True)
class Finalists:
    """The best of a search, to be trained again."""

    search: str
    """The name of the study whose best they are."""
    name: str | None = None
    """Of the linked study; None for what it is called by default."""
    top: int = TOP
    replicates: int = REPLICATES
    epochs: int | None = None
    """Of each training; None for those of the search."""
    trains_on: "TrainsOn" = "train"
    int8: bool = False

    def run(self, work: PlannedWork, progress: Progress, stopping: Stopping) -> FinalistsResult:
        """Train what is left, and open the test split once for each finalist when nothing is.

        Raises:
            UnknownStudyError: There is no such search.
            InputError: It has nothing to train again, or a study of the linked name has other settings.
            StorageError: The database failed.
            StudyStoppedError: Somebody stopped the study.
            HpsearchError: A worker ended with an error that starting it again does not mend.
        """
        from hpsearch.storage.database import Database
        from hpsearch.tuning.finalists import summarize_finalists
        from hpsearch.tuning.records import read_study_record
        from hpsearch.tuning.study import load_study

        # A wrong device makes no study.
        work.choose_hardware(None, most=self.top * self.replicates)
        with Database.open(work.storage_url) as database:
            searched = read_study_record(load_study(database, self.search))
            study = self._make_study(database, searched)
            labels = ", ".join(study.plan.labels if study.plan else ())
            on = "" if study.is_validated else f" on {self.trains_on}"
            title = f"finalists  {labels} of {self.search}, {self.replicates} seeds each{on}"
            final = work.finish(study, title, progress, stopping)
            return FinalistsResult(searched, final, summarize_finalists(searched, final))

    def _make_study(self, database: "Database", searched: "StudyRecord") -> "Study":
        from hpsearch.tuning.creation import create_or_join_study
        from hpsearch.tuning.finalists import name_finalists, plan_finalists
        from hpsearch.tuning.teacher_choice import find_teacher_of

        study = searched.study
        name = self.name or name_finalists(self.search, self.trains_on, int8=self.int8)
        plan = plan_finalists(
            searched,
            top=self.top,
            replicates=self.replicates,
            epochs=self.epochs,
            trains_on=self.trains_on,
            int8=self.int8,
        )
        fields: dict[str, Any] = {"trials": len(plan.trials), "pruner": "none", "sampler": "random"}
        fields |= {"epochs": self.epochs} if self.epochs else {}
        spec, first = study.spec.model_copy(update=fields), plan.trials[0].config
        return create_or_join_study(
            database, name, spec, study.dataset, plan, find_teacher=lambda: find_teacher_of(database, first)
        )

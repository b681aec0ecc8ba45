"""Studies and trials as they stand in a database, read in one go and never written."""

import itertools
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from hpsearch.epoch_result import EpochResult
from hpsearch.errors import HpsearchError, InputError, StorageError, UnreadableStudyError
from hpsearch.network.memory import Footprint
from hpsearch.storage import stored_course
from hpsearch.storage.stored_blobs import CONFUSION, WEIGHTS, read_blob
from hpsearch.storage.stored_rows import LeaseRecord, StudyCourse, TestScore
from hpsearch.storage.stored_trials import StoredTrial, read_stored_trials
from hpsearch.study.round_plan import Round
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.attributes import FROM_PORTFOLIO, GIVEN_BY, INT8_ACCURACY, PROMOTED_FROM
from hpsearch.tuning.study import Study

STATES = ("COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING")
"""The states of a trial, finished ones first: Optuna's names."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial as it is stored."""

    trial_id: int
    number: int
    state: str
    """One of `STATES`."""
    value: float | None
    """The objective: validation accuracy after the last epoch, as a fraction; None where nothing was held out."""
    weights: int | None
    macs: int | None
    network: str | None
    label: str | None
    """What it is a replicate of, in a study whose trials are planned."""
    parameters: Mapping[str, Any]
    config_json: Mapping[str, Any] | None
    accuracies: Mapping[int, float]
    """Validation accuracy by epoch, also of a trial that runs; empty where nothing is held out."""
    epochs: int
    """Epochs that were reported."""
    curve: tuple[EpochResult, ...]
    """All figures of every epoch, of a finished trial."""
    seconds: float | None
    reason: str | None
    """Why it failed."""
    environment: Mapping[str, str]
    """Versions and hardware it was trained with; empty while it is not finished."""
    traceback: str | None
    """Where it failed, if that was an error in code."""
    started_at: datetime | None
    finished_at: datetime | None
    lease: LeaseRecord | None
    test_scores: tuple[TestScore, ...]
    given_by: str | None = None
    """Whence its parameters come, if the sampler did not draw them all."""
    int8_accuracy: float | None = None
    """On the validation split in whole numbers of 8 bits; None of a trial that did not end in them."""
    promoted_from: int | None = None
    """The number of the trial of the round before whose configuration it trains for longer."""

    @property
    def is_finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("COMPLETE", "PRUNED", "FAIL")

    @property
    def epochs_wanted(self) -> int | None:
        """The epochs of its recipe; None while it is not drawn."""
        return None if self.config_json is None else self.config_json["recipe"]["epochs"]

    @property
    def attempts(self) -> int:
        """How often a worker took it."""
        return self.lease.attempts if self.lease else 0

    @property
    def test_accuracy(self) -> float | None:
        """The first test score, as a fraction; None while the test split is unopened for it."""
        return self.test_scores[0].accuracy if self.test_scores else None

    @cached_property
    def config(self) -> TrialConfig | None:
        """The configuration; None while it is not drawn.

        Raises:
            StorageError: What is stored cannot be read.
        """
        if self.config_json is None:
            return None
        try:
            return TrialConfig.model_validate(self.config_json)
        except ValidationError as error:
            raise StorageError(f"the configuration of trial {self.number} cannot be read: {error}") from error

    @cached_property
    def footprint(self) -> Footprint | None:
        """What its network takes of a small device, counted anew; None while it is not drawn, or cannot be read."""
        try:
            return None if self.config is None else self.config.count_footprint()
        except StorageError:
            return None


@dataclass(frozen=True)
class RoundProgress:
    """How far a round is."""

    part: Round
    finished: int


@dataclass(frozen=True)
class StudyRecord:
    """A study and all its trials at one moment."""

    study: Study
    trials: tuple[TrialRecord, ...]
    """By number."""
    course: StudyCourse = field(default_factory=StudyCourse)
    """What operators decided about the study."""

    @property
    def trials_wanted(self) -> int:
        """How many trials the study asks for by now."""
        return self.course.trials or self.study.spec.trials

    @property
    def counts(self) -> dict[str, int]:
        """The number of trials in each of `STATES`."""
        counted = Counter(trial.state for trial in self.trials)
        return {state: counted[state] for state in STATES}

    @property
    def finished_count(self) -> int:
        """Trials that are complete, pruned or failed."""
        return sum(trial.is_finished for trial in self.trials)

    @property
    def is_finished(self) -> bool:
        """Whether every trial that the study asks for is finished."""
        return self.finished_count >= self.trials_wanted

    def count_epochs_wanted(self, trial: TrialRecord) -> int:
        """The epochs that a trial of this study is to have."""
        return trial.epochs_wanted or self.study.spec.epochs

    @property
    def running(self) -> list[TrialRecord]:
        """The trials that a live worker holds."""
        return [trial for trial in self.trials if trial.state == "RUNNING"]

    @property
    def ranking(self) -> list[TrialRecord]:
        """The complete trials, the last round first, of one the highest validation accuracy, of equals the earliest.

        As in successive halving, what was trained for longer counts: one of many short trainings validates by chance as
        well as what the last round makes of its configuration (docs/log.md).
        """
        complete = [trial for trial in self.trials if trial.state == "COMPLETE" and trial.value is not None]
        return sorted(complete, key=lambda each: (-(self.find_round(each) or 0), -(each.value or 0.0), each.number))

    @property
    def distinct_ranking(self) -> list[TrialRecord]:
        """The ranking with the best replicate alone of each configuration, which rounds train for several times."""
        best: dict[str, TrialRecord] = {}
        for trial in self.ranking:
            if (content := _describe_content(self.find_first(trial))) is not None:
                best.setdefault(content, trial)
        return list(best.values())

    def find_first(self, trial: TrialRecord) -> TrialRecord:
        """The trial of the first round whose configuration this one trains, perhaps itself."""
        while trial.promoted_from is not None:
            trial = self.trial(trial.promoted_from)
        return trial

    def find_round(self, trial: TrialRecord) -> int | None:
        """The round of a trial, from 1; None where there are none."""
        plan = self.study.spec.round_plan
        return None if plan is None else plan.locate(trial.number).round + 1

    @property
    def rounds(self) -> "list[RoundProgress]":
        """The rounds of the trials that the study asks for; none where its trials are all alike."""
        plan = self.study.spec.round_plan
        if plan is None:
            return []
        found: list[RoundProgress] = []
        first = 0
        for part in itertools.chain.from_iterable(itertools.repeat(plan.rounds)):
            if first >= self.trials_wanted:
                return found
            trials = [trial for trial in self.trials if first <= trial.number < first + part.trials]
            found.append(RoundProgress(part, sum(trial.is_finished for trial in trials)))
            first += part.trials
        return found

    @cached_property
    def replicates(self) -> Mapping[int, int]:
        """The trials that repeat an earlier one's network and recipe under another seed: its number, by theirs."""
        first: dict[str, int] = {}
        repeated: dict[int, int] = {}
        for trial in self.trials:
            content = _describe_content(trial)
            if content is not None and first.setdefault(content, trial.number) != trial.number:
                repeated[trial.number] = first[content]
        return repeated

    @property
    def portfolio_trials(self) -> list[TrialRecord]:
        """The trials that the portfolio gave."""
        return [trial for trial in self.trials if (trial.given_by or "").startswith(FROM_PORTFOLIO)]

    @property
    def best(self) -> TrialRecord | None:
        """The first of the ranking: selected on validation alone."""
        return next(iter(self.ranking), None)

    @property
    def test_openings(self) -> int:
        """How often the test split was opened for this study."""
        return sum(len(trial.test_scores) for trial in self.trials)

    def trial(self, number: int) -> TrialRecord:
        """The trial of this number.

        Raises:
            InputError: The study has none.
        """
        for trial in self.trials:
            if trial.number == number:
                return trial
        known = f"it has 0 to {len(self.trials) - 1}" if self.trials else "it has no trials yet"
        raise InputError(f"study {self.study.name!r} has no trial {number}: {known}")


def read_study_record(study: Study) -> StudyRecord:
    """Read a study's trials, leases and test scores.

    Raises:
        UnreadableStudyError: What the database holds of a trial cannot be read.
        StorageError: The database failed.
    """
    try:
        return _read_study_record(study)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:  # of what should be JSON of ours
        if isinstance(error, HpsearchError):
            raise
        raise describe_unreadable_trials(study, error) from error


def describe_unreadable_trials(study: Study, error: Exception) -> UnreadableStudyError:
    """What to say where trials of a study are stored as nothing that hpsearch writes."""
    return UnreadableStudyError(
        f"the trials of study {study.name!r} cannot be read ({error}): restore the database from a copy, "
        f"or hpsearch delete {study.name} removes the study"
    )


def _read_study_record(study: Study) -> StudyRecord:
    with study.database.reading() as reader:
        stored = read_stored_trials(reader, study.study_id, study.database.known_trials)
        held = stored_course.read_lease_records(reader, study.study_id)
        scores = stored_course.read_test_scores(reader, study.study_id)
        given_up = stored_course.read_given_up(reader, study.study_id)
        course = stored_course.read_course(reader, study.study_id)
    return StudyRecord(
        study,
        tuple(
            make_trial_record(
                trial,
                held.get(trial.trial_id),
                is_validated=study.is_validated,
                reason=_find_reason(trial, given_up),
                scores=scores.get(trial.trial_id, ()),
            )
            for trial in stored
        ),
        course,
    )


def load_trial_weights(study: Study, trial: TrialRecord) -> bytes:
    """The trained weights of a complete trial, as safetensors.

    Raises:
        InputError: The trial is not complete, so it has none.
        StorageError: They are missing or damaged.
    """
    if trial.state != "COMPLETE":
        raise InputError(f"trial {trial.number} of {study.name!r} is {trial.state}: only COMPLETE trials keep weights")
    with study.database.reading() as reader:
        content = read_blob(reader, trial.trial_id, WEIGHTS)
    if content is None:
        raise StorageError(f"the weights of trial {trial.number} of {study.name!r} are missing from the database")
    return content


def load_confusion(study: Study, trial: TrialRecord) -> list[list[int]] | None:
    """How a complete trial labels the validation split, a row a true class; None where that is not stored.

    Raises:
        StorageError: The database failed, or what it holds is damaged.
    """
    if trial.state != "COMPLETE" or study.database is None:  # a record that was made up has no database
        return None
    with study.database.reading() as reader:
        content = read_blob(reader, trial.trial_id, CONFUSION)
    if content is None:
        return None
    rows: list[list[int]] = json.loads(content)
    return rows


def store_test_score(study: Study, trial: TrialRecord, *, accuracy: float, loss: float, images: int) -> None:
    """Record that the test split was opened for a trial, and what it gave."""
    from hpsearch.storage.test_scores import write_test_score

    with study.database.transaction() as connection:
        write_test_score(connection, study.study_id, trial.trial_id, accuracy=accuracy, loss=loss, images=images)


def _describe_content(trial: TrialRecord) -> str | None:
    """Network and recipe, all but the seed; None while they are not drawn."""
    config = trial.config_json
    return None if config is None else json.dumps([config["architecture"], config["recipe"]], sort_keys=True)


def _find_reason(trial: StoredTrial, given_up: Mapping[int, str]) -> str | None:
    if trial.state != "FAIL":
        return None
    reason: str | None = trial.attributes.get("reason", given_up.get(trial.trial_id))
    return reason


def make_trial_record(
    trial: StoredTrial,
    lease: LeaseRecord | None,
    *,
    is_validated: bool,
    reason: str | None,
    scores: tuple[TestScore, ...],
) -> TrialRecord:
    """A trial as it is stored, of what the tables hold of it."""
    attributes = trial.attributes
    return TrialRecord(
        trial_id=trial.trial_id,
        number=trial.number,
        state=trial.state,
        value=trial.value if is_validated and trial.state in ("COMPLETE", "PRUNED") else None,
        weights=attributes.get("weights"),
        macs=attributes.get("macs"),
        network=attributes.get("network"),
        label=attributes.get("label"),
        parameters=trial.parameters,
        config_json=attributes.get("config"),
        accuracies=trial.steps if is_validated else {},
        epochs=len(trial.steps),
        curve=tuple(EpochResult(**point) for point in attributes.get("curve", ())),
        seconds=attributes.get("seconds"),
        reason=reason,
        environment=attributes.get("environment", {}),
        traceback=attributes.get("traceback"),
        started_at=trial.started_at,
        finished_at=trial.finished_at,
        lease=lease,
        test_scores=scores,
        given_by=attributes.get(GIVEN_BY),
        int8_accuracy=attributes.get(INT8_ACCURACY),
        promoted_from=attributes.get(PROMOTED_FROM),
    )

"""The database as the dashboard sees it: what a person looks at, quickly, and nothing to write.

A trial's configuration and curve are stored with it, and would be most of what a browser loads; the dashboard shows
neither well. They are left out, and the losses of the last epoch shown instead.
"""

import copy
import threading
from collections.abc import Callable, Container
from datetime import datetime
from typing import Any, NoReturn

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from hpsearch.dashboard.errors import EditRefusedError
from hpsearch.storage.database import Database
from hpsearch.storage.shown_studies import UNREADABLE, read_studies_apart
from hpsearch.storage.shown_trials import read_endings, read_shown_trials

_LEFT_OUT = ("config", "traceback", "environment")
_CURVE = "curve"
_OWN = "hpsearch:"
_UNREADABLE = (ValueError, RecursionError)
"""What reading JSON raises."""


def _refuse(*_given: object, **_named: object) -> NoReturn:
    """In the place of everything that Optuna's storages write."""
    raise EditRefusedError("the dashboard writes nothing")


class ShownStorage(BaseStorage):
    """Optuna's storage interface over an open database.

    Args:
        database: Where the studies are.
        forget: Called when a finished trial changed or vanished: what was cached of it is wrong.
    """

    def __init__(self, database: Database, *, forget: Callable[[], None]) -> None:
        self._database = database
        self._forget = forget
        self._lock = threading.Lock()
        self._finished: dict[int, dict[int, tuple[datetime, FrozenTrial]]] = {}
        """By study and trial, with the moment when it ended: a trial that is put back and ends again has another."""

    @property
    def _storage(self) -> BaseStorage:
        return self._database.optuna_storage

    def get_study_id_from_name(self, study_name: str) -> int:
        """As Optuna has it."""
        with self._database.errors():
            return self._storage.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        """As it is now: the id of a study that was deleted may be another's."""
        return self._find_study(study_id).study_name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """As they are now."""
        return list(self._find_study(study_id).directions)

    def _find_study(self, study_id: int) -> FrozenStudy:
        for study in self.get_all_studies():
            if study._study_id == study_id:
                return study
        raise KeyError(f"there is no study with the id {study_id}")

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """What a person may want to know of a study."""
        with self._database.errors():
            try:
                return _show_study_attributes(self._storage.get_study_user_attrs(study_id))
            except _UNREADABLE:
                return dict(UNREADABLE)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """As Optuna has it: notes are among them."""
        with self._database.errors():
            return self._storage.get_study_system_attrs(study_id)

    def get_all_studies(self) -> list[FrozenStudy]:
        """All studies, by id."""
        with self._database.errors():
            try:
                studies = self._storage.get_all_studies()
            except _UNREADABLE:  # of one study, perhaps: it must not hide the others
                with self._database.transaction() as connection:
                    studies = read_studies_apart(connection)
        for study in studies:
            study.user_attrs = _show_study_attributes(study.user_attrs)
        return studies

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial without what is left out."""
        with self._database.transaction() as connection:
            found = read_shown_trials(connection, [trial_id], leave_out=_LEFT_OUT)
        if not found:
            raise KeyError(f"there is no trial with the id {trial_id}")
        return _show_losses(found[0])

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials of a study without what is left out, by number."""
        with self._lock:  # one thread loads, the others find it done
            trials = self._load(study_id)
        shown = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    def _load(self, study_id: int) -> list[FrozenTrial]:
        """Read what may have changed: trials that have not ended, or ended at another moment than before."""
        before = self._finished.get(study_id, {})
        with self._database.transaction() as connection:
            endings = read_endings(connection, study_id)
            kept = {trial_id: old for trial_id, old in before.items() if endings.get(trial_id) == old[0]}
            missing = [trial_id for trial_id in endings if trial_id not in kept]
            read = read_shown_trials(connection, missing, leave_out=_LEFT_OUT)
        if len(kept) < len(before):
            self._forget()
        loaded = {trial._trial_id: _show_losses(trial) for trial in read}
        kept |= {
            trial_id: (ended, loaded[trial_id])
            for trial_id, ended in endings.items()
            if ended is not None and trial_id in loaded and loaded[trial_id].state.is_finished()
        }
        self._finished[study_id] = kept
        return [kept[trial_id][1] if trial_id in kept else loaded[trial_id] for trial_id in endings]

    create_new_study = delete_study = set_study_user_attr = set_study_system_attr = _refuse
    create_new_trial = set_trial_param = set_trial_state_values = set_trial_intermediate_value = _refuse
    set_trial_user_attr = set_trial_system_attr = _refuse


def _show_study_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """The plain fields of its spec, in place of hpsearch's own records of it."""
    spec = attributes.get(f"{_OWN}spec", {})
    if not isinstance(spec, dict):
        return dict(UNREADABLE)
    plain = {name: value for name, value in spec.items() if not isinstance(value, dict) and name != "version"}
    return {name: value for name, value in attributes.items() if not name.startswith(_OWN)} | plain


def _show_losses(trial: FrozenTrial) -> FrozenTrial:
    """Put the losses of the last epoch in place of the curve, whose accuracies are a trial's intermediate values."""
    attributes = trial.user_attrs
    if curve := attributes.pop(_CURVE, None):
        losses = {name: curve[-1][name] for name in ("train_loss", "validation_loss")}
        attributes |= {name: loss for name, loss in losses.items() if loss is not None}
    trial.user_attrs = attributes
    return trial

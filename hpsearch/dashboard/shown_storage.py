"""The database as the dashboard sees it: what a person looks at, quickly, and nothing to write.

A trial's configuration and curve are stored with it, and would be most of what a browser loads; the dashboard shows
neither well. They are left out, and the losses of the last epoch shown instead.
"""

import copy
import json
import math
import threading
from collections.abc import Callable, Container
from datetime import datetime
from typing import Any, NoReturn

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from hpsearch.dashboard.errors import EditRefusedError
from hpsearch.network.architecture import Arch
from hpsearch.storage.database import Database
from hpsearch.storage.optuna_rows import read_ends
from hpsearch.storage.shown_studies import UNREADABLE, read_studies_apart
from hpsearch.storage.shown_trials import read_shown_trials
from hpsearch.study.older_spaces import complete_space
from hpsearch.study.search_space import SearchSpace
from hpsearch.tuning.attributes import CORES
from hpsearch.tuning.importance import find_used

_LEFT_OUT = ("config", "traceback", "environment", CORES)
_CURVE = "curve"
_OWN = "hpsearch:"
_SMALL = 1.0
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
        self._spaces: dict[int, tuple[Arch, SearchSpace] | None] = {}
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
        return self._show(self._find_study_of(trial_id), found[0])

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials of a study without what is left out, by number."""
        with self._lock:  # one thread loads, the others find it done
            trials = self._load(study_id)
        shown = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    def _find_study_of(self, trial_id: int) -> int:
        with self._database.reading() as reader:
            rows = reader.query("SELECT study_id FROM trials WHERE trial_id = :trial", trial=trial_id)
        if not rows:
            raise KeyError(f"there is no trial with the id {trial_id}")
        study_id: int = rows[0][0]
        return study_id

    def _show(self, study_id: int, trial: FrozenTrial) -> FrozenTrial:
        """A trial for a person: epochs from 1, figures of a few digits, no parameter that it has no use for."""
        shown = _show_losses(trial)
        shown.intermediate_values = {step + 1: round_figure(value) for step, value in shown.intermediate_values.items()}
        shown.user_attrs = {name: round_figure(value) for name, value in shown.user_attrs.items()}
        if shown.values is not None:
            shown.values = [round_figure(value) for value in shown.values]
        used = self._find_used(study_id, shown)
        params = {name: value for name, value in shown.params.items() if name in used}
        shown._distributions = {name: found for name, found in shown.distributions.items() if name in used}
        shown._params = {name: _round_within(value, shown._distributions[name]) for name, value in params.items()}
        return shown

    def _find_used(self, study_id: int, trial: FrozenTrial) -> Container[str]:
        """The parameters that the trial's network and recipe come from; all where the study cannot be read."""
        if study_id not in self._spaces:
            self._spaces[study_id] = _read_space(self._storage.get_study_user_attrs(study_id))
        known = self._spaces[study_id]
        return trial.params if known is None else find_used(known[0], trial.params, known[1])

    def _load(self, study_id: int) -> list[FrozenTrial]:
        """Read what may have changed: trials that have not ended, or ended at another moment than before."""
        before = self._finished.get(study_id, {})
        with self._database.transaction() as connection:
            endings = read_ends(connection, study_id)
            kept = {trial_id: old for trial_id, old in before.items() if endings.get(trial_id) == old[0]}
            missing = [trial_id for trial_id in endings if trial_id not in kept]
            read = read_shown_trials(connection, missing, leave_out=_LEFT_OUT)
        if len(kept) < len(before):
            self._forget()
        loaded = {trial._trial_id: self._show(study_id, trial) for trial in read}
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


def round_figure(value: Any) -> Any:
    """A number with four digits behind the point, or four that count where it is small; anything else as it is."""
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    return round(value, 4) if abs(value) >= _SMALL else float(f"{value:.4g}")


def _round_within(value: Any, distribution: BaseDistribution) -> Any:
    """Rounded, but not out of its range, which Optuna checks."""
    rounded = round_figure(value)
    if not isinstance(distribution, FloatDistribution):
        return value
    return min(max(rounded, distribution.low), distribution.high)


def _read_space(attributes: dict[str, Any]) -> tuple[Arch, SearchSpace] | None:
    """The family and the space of a study; None where they cannot be read."""
    try:
        arch, space = attributes["hpsearch:spec"]["arch"], attributes["hpsearch:space"]
        return arch, SearchSpace.model_validate_json(json.dumps(complete_space(arch, space)))
    except (KeyError, TypeError, ValueError):
        return None


def _show_losses(trial: FrozenTrial) -> FrozenTrial:
    """Put the losses of the last epoch in place of the curve, whose accuracies are a trial's intermediate values."""
    attributes = trial.user_attrs
    if curve := attributes.pop(_CURVE, None):
        losses = {name: curve[-1][name] for name in ("train_loss", "validation_loss")}
        attributes |= {name: loss for name, loss in losses.items() if loss is not None}
    trial.user_attrs = attributes
    return trial

"""What a worker knows of its study's trials, as a sampler and a pruner ask for it.

Optuna's own view reads every unfinished trial anew, with five queries, whenever anybody asks. Here a finished trial is
read once, and what is new is found by one short query inside a transaction that is under way anyway.
"""

import itertools
from bisect import insort
from collections.abc import Container
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.storage import optuna_rows
from hpsearch.tuning.pruner import build_pruner
from hpsearch.tuning.sampler import build_sampler
from hpsearch.tuning.study import Study
from hpsearch.tuning.suggest import searched_distributions

BEST_TRIALS = 50
NEWEST_TRIALS = 250
"""A sampler learns from so many of the best trials and so many of the newest ones: TPE holds at most 25 for good, so
that those are the same whether it sees all trials or these, and takes the rest as examples of what is not."""


_LASTING = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states that no trial leaves: a failed one may be put back. Failed ones teach nothing and are not kept."""


class History:
    """The trials of a study as this process knows them, and Optuna's view of the study on top."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self.distributions = searched_distributions(study.space)
        self._by_state: dict[TrialState, list[FrozenTrial]] = {state: [] for state in TrialState}
        self._ranked: list[FrozenTrial] = []
        """The lasting ones, the best last: sorted once, not for each draw."""
        self._open_ids: set[int] = set()
        self._newest_id = -1
        spec = study.spec
        self._rounds = spec.round_plan
        drawn = spec.trials if self._rounds is None else self._rounds.drawn
        self._sampler = build_sampler(spec.sampler, study.space, seed=spec.seed, trials=drawn)
        self._pruner = build_pruner(spec.pruner, epochs=spec.epochs)
        self._pruner_name = spec.pruner

    def refresh(self, connection: sa.Connection, *, running: bool = True) -> None:
        """Read what has changed since the last time.

        Args:
            connection: Inside a transaction.
            running: Whether to read anew also what is known of the running trials.
        """
        changed = optuna_rows.find_changed_trials(
            connection, self._study.study_id, newer_than=self._newest_id, among=self._open_ids
        )
        wanted = (*_LASTING, TrialState.RUNNING) if running else _LASTING
        found = [row for row in changed if row.state in wanted]
        drawn = {
            trial._trial_id: trial.params
            for trial in self._by_state[TrialState.RUNNING]
            if trial.params.keys() == self.distributions.keys()
        }
        trials = optuna_rows.read_trials(connection, found, self.distributions, drawn)
        # From here on nothing fails: who reads again after an outage misses nothing, and has nothing twice.
        self._open_ids = {row.trial_id for row in changed if row.state not in _LASTING}
        self._newest_id = max([self._newest_id, *(row.trial_id for row in changed)])
        if running:
            self._by_state[TrialState.RUNNING] = []
        for trial in trials:
            insort(self._by_state[trial.state], trial, key=_number)
            if trial.state in _LASTING:
                insort(self._ranked, trial, key=_rank)

    def refresh_for_pruning(self, connection: sa.Connection) -> None:
        """Read what the pruner asks for: successive halving knows the running trials' rungs, too."""
        if self._pruner_name != "none":
            self.refresh(connection, running=self._pruner_name in ("asha", "hyperband"))

    def find_running(self, trial_id: int) -> FrozenTrial | None:
        """The running trial of this id, as it stood at the last refresh."""
        running = self._by_state[TrialState.RUNNING]
        return next((trial for trial in running if trial._trial_id == trial_id), None)

    def list_trials(self, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """The trials in these states, by number."""
        wanted = [trials for state, trials in self._by_state.items() if states is None or state in states]
        if len(wanted) == 1:
            return list(wanted[0])
        return sorted((trial for trials in wanted for trial in trials), key=_number)

    def select_trials(self, states: Container[TrialState]) -> list[FrozenTrial]:
        """Of the finished trials in these states the best and the newest, of the others all; by number.

        Where there are rounds, those that were drawn: what a longer training gives is no measure for short ones.
        """
        wanted = [state for state in self._by_state if state in states]
        lasting = [self._select_newest(state) for state in wanted if state in _LASTING]
        newest = sorted(itertools.chain.from_iterable(lasting), key=_number)[-NEWEST_TRIALS:]
        known = {trial.number for trial in newest}
        older = (trial for trial in reversed(self._ranked) if trial.state in states and trial.number not in known)
        unfinished = [trial for state in wanted if state not in _LASTING for trial in self._by_state[state]]
        best = itertools.islice(filter(self._is_drawn, older), BEST_TRIALS)
        return sorted([*best, *newest, *filter(self._is_drawn, unfinished)], key=_number)

    def _select_newest(self, state: TrialState) -> list[FrozenTrial]:
        newest = filter(self._is_drawn, reversed(self._by_state[state]))
        return list(itertools.islice(newest, NEWEST_TRIALS))

    def _is_drawn(self, trial: FrozenTrial) -> bool:
        return self._rounds is None or self._rounds.is_drawn(trial.number)

    def open_for_sampling(self) -> optuna.Study:
        """Optuna's study as a sampler sees it; anew for each trial, because a study caches what samplers read."""
        return self._open(_View(self, self._study, selects=True))

    def open_for_pruning(self) -> "PruningView":
        """A study and what a pruner writes about a trial, for one trial."""
        view = _View(self, self._study, selects=False)
        return PruningView(self._open(view), view.written)

    def _open(self, view: "_View") -> optuna.Study:
        return optuna.Study(self._study.name, view, self._sampler, self._pruner)  # type: ignore[arg-type]


class PruningView:
    """Optuna's study as a pruner sees it."""

    def __init__(self, study: optuna.Study, written: dict[str, Any]) -> None:
        self._study = study
        self._written = written

    def should_prune(self, trial: FrozenTrial) -> tuple[bool, dict[str, Any]]:
        """What the pruner says, and the system attributes that it wants stored for the trial."""
        self._written.clear()
        decision = self._study.pruner.prune(self._study, trial)
        return decision, dict(self._written)


class _View:
    """A storage for Optuna: answers from the history, holds back what is written about trials, passes on the rest."""

    def __init__(self, history: History, study: Study, *, selects: bool) -> None:
        self._history = history
        self._study = study
        self._selects = selects
        self.written: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study.database.optuna_storage, name)

    def get_study_id_from_name(self, _name: str) -> int:
        return self._study.study_id

    def get_study_name_from_id(self, _study_id: int) -> str:
        return self._study.name

    def get_study_directions(self, _study_id: int) -> list[StudyDirection]:
        return [StudyDirection.MAXIMIZE]

    def get_all_trials(
        self, _study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if self._selects:
            return self._history.select_trials(tuple(TrialState) if states is None else states)
        return self._history.list_trials(states)

    def set_trial_system_attr(self, _trial_id: int, key: str, value: Any) -> None:
        self.written[key] = value


def _number(trial: FrozenTrial) -> int:
    return trial.number


def _rank(trial: FrozenTrial) -> tuple[bool, float, float, int]:
    """As TPE ranks: complete ones by value, then pruned ones by how far they came; of equals, the earliest is best."""
    value = trial.value if trial.value is not None else float("-inf")
    if trial.state == TrialState.COMPLETE:
        return True, 0.0, value, -trial.number
    return False, float(trial.last_step if trial.last_step is not None else -1), value, -trial.number

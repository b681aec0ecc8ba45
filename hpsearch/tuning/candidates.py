"""What a trial is to be: planned beforehand, drawn by the sampler, or the best of the round before for longer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hpsearch.network.solver import solve
from hpsearch.storage import optuna_rows
from hpsearch.study.parameters import build_recipe, build_shape, name_kind
from hpsearch.study.recipe import count_int8_epochs
from hpsearch.study.regularization import choose_augmentation, choose_strength
from hpsearch.study.round_plan import RoundPlan
from hpsearch.study.trial_config import TrialConfig, derive_seed
from hpsearch.study.trial_plan import PlannedTrial
from hpsearch.tuning.attributes import CORES, GIVEN_BY, PROMOTED_FROM, ROUND
from hpsearch.tuning.history import History
from hpsearch.tuning.promotion import FinishedTrial, Promotion, choose_first_epochs, choose_promotion
from hpsearch.tuning.study import Study
from hpsearch.tuning.suggest import draw, fixed_parameters


@dataclass(frozen=True)
class Candidate:
    """A trial's configuration, and what is stored with it."""

    config: TrialConfig
    parameters: Mapping[str, Any] | None = None
    """The searched ones; None where the trial was planned."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """User attributes that say where it comes from."""

    @property
    def attributes(self) -> dict[str, Any]:
        """All that is stored beside the parameters."""
        return {
            "config": self.config.model_dump(mode="json"),
            "weights": self.config.count_weights(),
            "macs": self.config.count_macs(),
            **asdict(self.config.count_footprint()),
            "network": self.config.architecture.describe(),
            **self.origin,
        }


def choose_candidate(study: Study, history: History, frozen: FrozenTrial) -> Candidate:
    """Decide what a claimed trial is to be; nothing is stored.

    Args:
        study: Whose trial.
        history: Refreshed since the claim.
        frozen: The trial, as it stands in the history.
    """
    if study.plan is not None:
        return _take_planned(study.plan.trials[frozen.number])
    if (plan := study.spec.round_plan) is not None:
        promotion = _find_promotion(study, history, plan, frozen.number)
        if promotion is not None:
            return _promote(study, history, plan, promotion, frozen.number)
    with study.database.errors():
        searched = draw(history.open_for_sampling(), frozen, study.space)
    parameters = fixed_parameters(study.space) | searched
    config = _configure(study, parameters, frozen.number, study.spec.epochs)
    if plan is None:
        return Candidate(config, searched)
    epochs = choose_first_epochs(plan, frozen.number, config.count_cost())
    config = _configure(study, parameters, frozen.number, epochs)
    return Candidate(config, searched, {ROUND: plan.locate(frozen.number).round + 1})


def _take_planned(planned: PlannedTrial) -> Candidate:
    return Candidate(planned.config, origin={"label": planned.label, "replicate": planned.replicate})


def _find_promotion(study: Study, history: History, plan: RoundPlan, number: int) -> Promotion | None:
    if plan.is_drawn(number):
        return None
    with study.database.transaction() as connection:
        wanted = ("seconds", "epochs", CORES, GIVEN_BY, PROMOTED_FROM)
        taken = optuna_rows.read_attributes(connection, study.study_id, wanted)
    finished = [
        FinishedTrial(
            trial.number,
            trial.value if trial.state == TrialState.COMPLETE else None,
            taken.get(trial.number, {}).get("seconds", 0.0),
            taken.get(trial.number, {}).get("epochs", 0),
            name_kind(study.spec.arch, trial.params),
            taken.get(trial.number, {}).get(CORES),
            is_first=_trains_what_was_given_first(trial.number, taken),
        )
        for trial in history.list_trials((TrialState.COMPLETE, TrialState.PRUNED))
    ]
    return choose_promotion(plan, number, finished)


def _trains_what_was_given_first(number: int, attributes: Mapping[int, Mapping[str, Any]]) -> bool:
    while (parent := attributes.get(number, {}).get(PROMOTED_FROM)) is not None:
        number = parent
    return number == 0 and GIVEN_BY in attributes.get(0, {})


def _promote(study: Study, history: History, plan: RoundPlan, promotion: Promotion, number: int) -> Candidate:
    complete = history.list_trials((TrialState.COMPLETE,))
    parent = next(trial for trial in complete if trial.number == promotion.parent)
    config = _configure(study, fixed_parameters(study.space) | parent.params, number, promotion.epochs)
    return Candidate(config, parent.params, {ROUND: plan.locate(number).round + 1, PROMOTED_FROM: promotion.parent})


def _configure(study: Study, parameters: dict[str, Any], number: int, epochs: int) -> TrialConfig:
    spec, dataset = study.spec, study.dataset
    shape = build_shape(spec.arch, parameters)
    architecture = solve(shape, spec.limits, dataset.input_shape, dataset.class_count)
    weights = architecture.count_weights(dataset.input_shape, dataset.class_count)
    augmentation = choose_augmentation(spec.arch, weights, epochs, dataset.name, number)
    recipe = build_recipe(parameters, epochs, augmentation=augmentation)
    if parameters["augmentation"] == "auto" and "shift" in recipe.augmentation:
        strength = choose_strength(spec.arch, weights, epochs, recipe.augmentation_strength)
        recipe = recipe.model_copy(update={"augmentation_strength": strength})
    if spec.int8 and (
        spec.round_plan is None or spec.round_plan.locate(number).round == len(spec.round_plan.rounds) - 1
    ):
        recipe = recipe.model_copy(update={"int8_epochs": count_int8_epochs(epochs)})
    return TrialConfig(
        architecture=architecture,
        recipe=recipe,
        dataset=dataset,
        validation_fraction=spec.validation_fraction,
        split_seed=spec.seed,
        seed=derive_seed(spec.seed, number, "training"),
        budget=spec.budget,
        teacher=None if study.teacher is None else study.teacher.identity,
    )

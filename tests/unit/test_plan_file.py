"""Study files that say what to train: what they mean, and how a wrong one is answered."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.errors import InputError
from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.study.file import read_study_text
from hpsearch.study.plan_file import is_plan, parse_plan_file
from hpsearch.study.planned import PlannedStudy
from hpsearch.study.recipe import Recipe
from hpsearch.study.training_words import describe_value
from hpsearch.training.data.stratification import split_indices
from tests.unit.test_trial_config import DATASET

RECIPE = '[recipe]\noptimizer = "sgd"\nlr = 0.1\nepochs = 3\nbatch_size = 512\n'
_LIST_OF_RATES = (
    ", line 5: [recipe] lr [0.1, 0.2] is not allowed; give a number, above 0 and at most 10; values to compare belong "
    "in [sweep]: lr = [0.1, 0.2]"
)
PLAIN = f"[architecture]\nwidths = [400, 400]\n{RECIPE}"


def parse(folder: Path, text: str) -> PlannedStudy:
    path = folder / "mine.toml"
    path.write_text(text)
    return parse_plan_file(read_study_text(path))


def test_a_network_and_a_recipe_are_one_training_and_what_is_not_said_is_not_done(tmp_path: Path) -> None:
    study = parse(tmp_path, PLAIN)
    (training,) = study.trainings
    assert (study.name, training.label, study.replicates, study.dataset) == ("mine", "mine", 1, "fashion-mnist")
    assert training.architecture == FcnArchitecture(widths=(400, 400), batch_norm=False)
    plain = {"momentum": 0.0, "nesterov": False, "schedule": "constant"}
    given = {"optimizer": "sgd", "lr": 0.1, "epochs": 3, "batch_size": 512}
    assert training.recipe == Recipe.model_validate(plain | given)


def test_a_sweep_is_a_product_with_labels_that_can_be_read(tmp_path: Path) -> None:
    text = PLAIN.replace('optimizer = "sgd"\nlr = 0.1\n', "")
    study = parse(tmp_path, text + '[sweep]\noptimizer = ["adam", "sgd"]\nlr = [0.01, 0.00025]\nbatch_norm = [true]\n')
    assert [training.label for training in study.trainings] == [
        "adam, lr 0.01, batch norm",
        "adam, lr 0.00025, batch norm",
        "sgd, lr 0.01, batch norm",
        "sgd, lr 0.00025, batch norm",
    ]
    assert [(each.recipe.optimizer, each.recipe.lr) for each in study.trainings] == [
        ("adam", 0.01),
        ("adam", 0.00025),
        ("sgd", 0.01),
        ("sgd", 0.00025),
    ]
    assert all(training.architecture.batch_norm for training in study.trainings)


def test_variants_change_what_is_theirs_and_go_with_each_point_of_a_sweep(tmp_path: Path) -> None:
    text = f"""{RECIPE}[architecture]
head = "flatten"
[[variant]]
label = "small"
stages = [{{channels = [4], kernel = 5, pool = {{kind = "average", size = 4, stride = 2}}}}]
[[variant]]
label = "large"
stages = [{{channels = [8], kernel = 5, padding = "valid"}}]
dense = [64]
lr = 1
[sweep]
activation = ["elu", "tanh"]
"""
    study = parse(tmp_path, text)
    assert [each.label for each in study.trainings] == ["small, elu", "small, tanh", "large, elu", "large, tanh"]
    assert [each.recipe.lr for each in study.trainings] == [0.1, 0.1, 1.0, 1.0]
    first, last = study.trainings[0].architecture, study.trainings[-1].architecture
    assert isinstance(first, CnnArchitecture)
    assert isinstance(last, CnnArchitecture)
    assert (first.describe(), first.activation) == ("plain 5x5 4, average pool 4; flatten; elu", "elu")
    assert (last.dense, last.activation, last.head) == ((64,), "tanh", "flatten")


def test_a_replicate_has_the_same_seed_for_every_label_so_that_they_pair(tmp_path: Path) -> None:
    study = parse(tmp_path, f"replicates = 3\nseed = 5\n{PLAIN}[sweep]\ndropout = [0.0, 0.5]\n")
    plan = study.make_plan(DATASET)
    assert [(trial.label, trial.replicate) for trial in plan.trials] == [
        (label, replicate) for replicate in range(3) for label in ("no dropout", "dropout 0.5")
    ]
    seeds = [trial.config.seed for trial in plan.trials]
    assert seeds[0::2] == seeds[1::2]
    assert len(set(seeds)) == 3
    assert {trial.config.split_seed for trial in plan.trials} == {5}
    spec = study.make_spec(plan)
    assert (spec.trials, spec.epochs, spec.pruner, spec.seed) == (6, 3, "none", 5)
    assert spec.budget == 478_410 == plan.trials[0].config.count_weights()


def test_a_number_of_validation_images_is_held_out_to_the_last_one(tmp_path: Path) -> None:
    study = parse(tmp_path, f"validation_images = 5_000\n{PLAIN}")
    fraction = study.make_plan(DATASET).trials[0].config.validation_fraction
    labels = np.arange(60_000) % 10
    held_out = split_indices(labels, Fraction(str(fraction)), 0).held_out  # as search_splits has it
    assert np.bincount(labels[held_out]).tolist() == [500] * 10
    for count in range(1, 60_000, 7_919):
        trial = parse(tmp_path, f"validation_images = {count}\n{PLAIN}").make_plan(DATASET).trials[0]
        share = Fraction(str(trial.config.validation_fraction))
        assert len(split_indices(labels, share, 0).held_out) == count


def test_a_change_has_a_name_of_its_own_and_other_images_no_printed_figures(tmp_path: Path) -> None:
    study = parse(tmp_path, f"{PLAIN}[printed]\nmine = {{test_percent = 87.2}}\n")
    assert study.change(dataset="fashion-mnist", epochs=3, seed=0, replicates=1) == study
    assert study.change(epochs=1).name == "mine-1-epoch"
    changed = study.change(dataset="data/my images.npz", epochs=5, seed=2, replicates=4)
    assert changed.name == "mine-my-images-5-epochs-seed-2-4-replicates"
    assert (changed.origin.printed, study.origin.printed["mine"].test_percent) == ({}, 87.2)
    assert [training.recipe.epochs for training in changed.trainings] == [5]
    assert study.change(name="yours", epochs=1).name == "yours"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lr", 1e-5, "lr 1e-5"),
        ("lr", 0.00075, "lr 0.00075"),
        ("dropout", 0.0, "no dropout"),
        ("weight_decay", 0.0001, "weight decay 0.0001"),
        ("batch_size", 512, "batch size 512"),
        ("batch_norm", False, "no batch norm"),
        ("initialization", "kaiming_uniform", "kaiming uniform initialization"),
        ("activation", "leaky_relu", "leaky relu"),
        ("schedule", "constant", "constant schedule"),
        ("dropout_place", "head", "dropout in the head"),
        ("dropout_place", "everywhere", "dropout everywhere"),
        ("widths", [400, 100], "400-100"),
        ("dense", [], "no dense"),
        ("dense", [64], "dense 64"),
        ("stages", [{"channels": [4]}, {"channels": [8, 8]}], "stages 4 8-8"),
    ],
)
def test_a_value_is_called_what_a_person_would_call_it(name: str, value: Any, words: str) -> None:
    assert describe_value(name, value) == words


def test_either_kind_of_file_is_known_by_its_tables() -> None:
    assert is_plan({"architecture": {}})
    assert is_plan({"variant": []})
    assert not is_plan({"arch": "fcn", "budget": "10k", "space": {}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"trails = 5\n{PLAIN}", ", line 1: unknown key 'trails'; allowed: version, name, "),
        (f"trials = 5\n{PLAIN}", ", line 1: trials belongs to a search, and this file says what to train: replicates"),
        (f"{PLAIN}[space]\nlr = 1\n", ", line 8: space belongs to a search"),
        (f"replicates = 0\n{PLAIN}", ", line 1: replicates 0 is not allowed; give a whole number from 1 to 1,000"),
        (f"version = true\n{PLAIN}", ", line 1: version True is not allowed; give 1"),
        (f"seed = 0x{'f' * 6_000}\n{PLAIN}", ": a number of thousands of digits is not allowed"),
        (f'name = "a/b"\n{PLAIN}', ", line 1: study name 'a/b' is not allowed"),
        (f'budget = "10x"\n{PLAIN}', ", line 1: budget: budget '10x' is not a number of weights"),
        (f"validation_fraction = 0.1\nvalidation_images = 9\n{PLAIN}", ", line 2: validation_fraction and validation_"),
        (f"source = {{report = 3}}\n{PLAIN}", ": source.report: input should be a valid string (given 3)"),
        (RECIPE, ": no network is given: add widths = [400, 400]"),
        ("[architecture]\nwidths = [4]\nstages = []\n", ": widths make a fully connected network, stages a convolu"),
        (PLAIN.replace("widths", 'arch = "cnn"\nwidths'), ", line 2: [architecture] arch 'cnn' does not go with its"),
        (PLAIN.replace("widths", "depth = 2\nwidths"), ", line 2: [architecture] unknown key 'depth'; allowed: activ"),
        (PLAIN.replace("[400, 400]", "400"), ", line 2: [architecture] widths: input should be a valid array (given 4"),
        (PLAIN.replace("[400, 400]", "[400, 0]"), ", line 2: [architecture] widths: 1: input should be greater than"),
        (PLAIN.replace("[400, 400]", "[]"), ", line 2: [architecture] widths: tuple should have at least 1 item"),
        (PLAIN.replace("0.1", "[0.1, 0.2]"), _LIST_OF_RATES),
        (PLAIN.replace("0.1", "0"), ", line 5: [recipe] lr 0 is not allowed; give a number, above 0 and at most 10"),
        (PLAIN.replace("0.1", "inf"), ", line 5: [recipe] lr inf is not allowed"),
        (PLAIN.replace("0.1", "07:32:00"), ", line 5: [recipe] lr '07:32:00' is not allowed"),
        (PLAIN.replace("512", "true"), ", line 7: [recipe] batch_size True is not allowed; give a whole number"),
        (PLAIN.replace('"sgd"', '"sdg"'), ", line 4: [recipe] optimizer 'sdg' is not allowed; give sgd, adam, adamw"),
        (PLAIN.replace("lr", "rate"), ", line 5: [recipe] unknown key 'rate'; allowed: epochs, "),
        (PLAIN.replace("lr = 0.1\n", ""), ": 'mine' has no lr: add for example lr = 1e-3 to [recipe]"),
        (f"{PLAIN}[sweep]\ndropout = 0.1\n", ", line 9: [sweep] dropout 0.1 is no list: give the values to compare"),
        (f"{PLAIN}[sweep]\ndropout = []\n", ", line 9: [sweep] dropout is an empty list: name at least one value"),
        (f"{PLAIN}[sweep]\ndropout = [0, 2]\n", ", line 9: [sweep] dropout 2 is not allowed; give a number, at least"),
        (f"{PLAIN}[sweep]\ndropout = [0.1, 0.1]\n", ", line 9: [sweep] dropout has a value twice"),
        (f"{PLAIN}[sweep]\nlr = [0.1, 0.2]\n", ": lr stands in [recipe] and in [sweep]: leave it out of one"),
        (f"{PLAIN}[sweep]\ndrop = [0.1]\n", ", line 9: [sweep] unknown key 'drop'; did you mean 'dropout'?"),
        (f"{PLAIN}[sweep]\nseed = [1]\n", ", line 9: [sweep] unknown key 'seed'"),
        (f"{PLAIN}[[variant]]\ndropout = 0.1\n", ": [[variant]] needs a label of one line"),
        (f'{PLAIN}[[variant]]\nlabel = "a\\nb"\n', ": [[variant]] needs a label of one line"),
        (f'{PLAIN}[[variant]]\nlabel = "a"\nl1 = -1\n', ", line 10: [[variant]] 'a' l1 -1 is not allowed; give a num"),
        (f'{PLAIN}[[variant]]\nlabel = "a"\n[[variant]]\nlabel = "a"\n', ": two trainings are called 'a'"),
        (f"{PLAIN}[printed]\nyours = {{weights = 3}}\n", ", line 9: [printed] unknown label 'yours'; allowed: mine"),
        (
            f"{PLAIN}[printed.mine]\ntest = 3\n",
            ", line 9: [printed] unknown key 'test'; allowed: validation_percent, ",
        ),
        (
            f"{PLAIN}[printed.mine]\ntest_percent = 101\n",
            ", line 9: printed.mine.test_percent: input should be less than or",
        ),
        (
            f"{PLAIN}[printed.mine]\nhighest_validation_epoch = 3\n",
            ": printed.mine: highest_validation_epoch says when, but highest_validation_percent is not there",
        ),
        (
            f"replicates = 1000\n{PLAIN}[sweep]\ndropout = [0.1, 0.2, 0.3, 0.4]\nl1 = [0.1, 0.2, 0.3]\n",
            ": these are 12,000 trainings, over the 10,000 allowed",
        ),
    ],
)
def test_a_wrong_file_is_answered_in_a_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(tmp_path, text)
    said = str(caught.value).removeprefix(f"study file {str(tmp_path / 'mine.toml')!r}")
    assert said.startswith(message), said
    assert "\n" not in said


def test_a_value_of_which_there_are_several_lines_is_answered_without_a_wrong_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine.toml': \[\[variant\]\] 'a' lr -1 is not allowed"):
        parse(tmp_path, f'{PLAIN}[[variant]]\nlabel = "a"\nlr = -1\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"budget = 478_409\n{PLAIN}",
            "'mine' does not go with .*: the architecture holds 478410 weights, over its bud",
        ),
        (f'{PLAIN}[[variant]]\nlabel = "a"\nbudget = "1k"\n', "'a' does not go with .*: the architecture holds 478410"),
        (
            f"{RECIPE}[architecture]\nstages = [{{channels = [4], kernel = 5, stride = 8, padding = 'valid', "
            "pool = {size = 4}}]\n",
            "'mine' does not go with .*: a 4x4 pool does not fit an image of 3x3",
        ),
        (f"validation_images = 60_000\n{PLAIN}", "validation_images 60,000 is not allowed: fashion-mnist has 60,000"),
    ],
)
def test_what_does_not_go_with_a_budget_or_the_images_is_refused_with_its_label(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        parse(tmp_path, text).make_plan(DATASET)

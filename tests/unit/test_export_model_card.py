"""The model card: says what the bundle is, and never what is not so."""

import re
from dataclasses import replace
from typing import Any

import pytest

from hpsearch.cli.reference import write_reference
from hpsearch.export.model_card import CardFacts, write_card
from hpsearch.study.teacher import Teacher
from hpsearch.study.trial_config import TrialConfig
from tests.tiny_training import TINY_CNN, TINY_FCN, tiny_config

SIZES = {"config.toml": 900, "config.json": 1200, "model.safetensors": 4096, "curve.png": 10, "confusion.png": 10}
CONFUSION = [[8, 2, 0], [0, 10, 0], [0, 0, 0]]


def make_facts(config: TrialConfig | None = None, **manifest: Any) -> CardFacts:
    config = config or tiny_config(TINY_CNN)
    given: dict[str, Any] = {
        "study": "study",
        "trial": 3,
        "weights": config.count_weights(),
        "macs": config.count_macs(),
        "validation_accuracy": 0.9,
        "test_accuracy": None,
        "study_test_openings": 0,
        "dataset": "tiny",
        "dataset_licence": "MIT",
        "parameters": {"lr": 0.01},
        "versions": {"hpsearch": "0.1.0"},
        "verified": {
            "images": 20,
            "recorded_correct": 18,
            "correct": 18,
            "tolerance": 1e-4,
            "model.safetensors": {"correct": 18, "same_top_1": 1.0, "largest_difference": 0.0},
        },
    }
    return CardFacts("study-trial-3", config, given | manifest, SIZES, CONFUSION)


def add_onnx(facts: CardFacts) -> CardFacts:
    check = {"correct": 18, "same_top_1": 1.0, "largest_difference": 3e-6}
    verified = facts.manifest["verified"] | {
        "model.onnx": check,
        "model-int8.onnx": {"correct": 17, "accuracy": 0.85, "same_top_1": 0.95},
    }
    manifest = dict(facts.manifest) | {"verified": verified, "int8": {"validation_accuracy": 0.85}}
    return replace(facts, manifest=manifest, sizes_bytes=SIZES | {"model.onnx": 5000, "model-int8.onnx": 2000})


def test_the_card_has_the_layers_and_they_add_up() -> None:
    config = tiny_config(TINY_CNN)
    card = write_card(make_facts(config))
    layers = list(config.architecture.walk_layers(config.dataset.input_shape, config.dataset.class_count))
    assert all(f"| {layer.name} | {layer.description} |" in card for layer in layers)
    assert f"| **total** |  |  | **{config.count_weights():,}** | **{config.count_macs():,}** |" in card


def test_the_test_accuracy_is_unknown_until_the_split_was_opened_and_then_says_how_often() -> None:
    assert "not known: the test split was not opened for this network" in write_card(make_facts())
    card = write_card(make_facts(test_accuracy=0.875, study_test_openings=1))
    assert "**87.50%**; the test split was opened once for this study" in card
    assert "opened 3 times" in write_card(make_facts(test_accuracy=0.875, study_test_openings=3))


FINALIST = {
    "search": "search",
    "search_trial": 4,
    "search_validation_accuracy": 0.915,
    "optimism": 0.02,
    "finalists": 3,
    "failed": 0,
    "validation": {"n": 5, "mean": 0.895, "sd": 0.011, "interval_95": [0.885, 0.905]},
    "test": {"n": 5, "mean": 0.88, "sd": 0.022, "interval_95": [0.86, 0.9]},
}


def test_a_finalist_stands_beside_the_spread_of_its_seeds_and_the_value_of_the_search() -> None:
    card = write_card(make_facts(test_accuracy=0.875, finalist=FINALIST))
    assert "| accuracy | this network | mean ± standard deviation | 95% interval of the mean | seeds |" in card
    assert "| validation | 90.00% | 89.50% ± 1.10 | 88.50% to 90.50% | 5 |" in card
    assert "| test | 87.50% | 88.00% ± 2.20 | 86.00% to 90.00% | 5 |" in card
    assert "Of 3 finalists of the search `search` its trial 4 has the highest mean validation accuracy" in card
    assert "the one of median validation accuracy among its replicates" in card
    assert "had 91.50%, 2.00 points more than its mean over seeds" in card
    assert "The test split selected nothing." in card


def test_a_finalist_of_one_seed_has_no_interval_and_an_unopened_split_no_figure() -> None:
    one = {"n": 1, "mean": 0.9, "sd": None, "interval_95": None}
    card = write_card(make_facts(finalist=FINALIST | {"validation": one, "test": None, "finalists": 1, "failed": 2}))
    assert "| validation | 90.00% | 90.00% |  | 1 |" in card
    assert "| test | not known | not known |  |  |" in card
    assert "trial 4 of the search `search`, its only finalist. 2 of its trainings failed." in card


def test_a_network_that_trained_on_the_validation_images_has_no_figure_of_them() -> None:
    config = tiny_config().model_copy(update={"trains_on": "train+validation"})
    check = {"same_top_1": 1.0, "largest_difference": 0.0}
    manifest = {
        "validation_accuracy": None,
        "test_accuracy": 0.875,
        "finalist": FINALIST | {"validation": None, "optimism": None},
        "verified": {"split": "train", "images": 20, "tolerance": 1e-4, "model.safetensors": check},
    }
    facts = replace(
        make_facts(config, **manifest),
        confusion=None,
        sizes_bytes={n: s for n, s in SIZES.items() if n != "confusion.png"},
    )
    card = write_card(facts)
    assert "| validation accuracy | cannot be known: the validation images were trained on as well |" in card
    assert "| validation | not known | not known |  |  |" in card
    assert "| test | 87.50% | 88.00% ± 2.20 | 86.00% to 90.00% | 5 |" in card
    assert "The 91.50% of the search are those of another network" in card
    assert "given 20 training images. How many of them it labels rightly says nothing" in card
    assert (
        "| held out of it for validation | nothing; in the search it had been 10% by the hash of the pixels, seed 0 |"
        in card
    )
    for word in ("confusion", "--split validation", " right,", "validation images:"):
        assert word not in card


def test_the_licence_of_the_data_is_said_where_it_is_known() -> None:
    assert "| licence of the data | MIT |" in write_card(make_facts())
    assert "| licence of the data | not known" in write_card(make_facts(dataset_licence=None))


def test_the_size_of_the_weights_is_given_in_single_precision_and_in_8_bits() -> None:
    config = tiny_config(TINY_FCN)
    weights = config.count_weights()
    assert weights == 931
    assert "3.7 kB in fp32, 0.9 kB in int8" in write_card(make_facts(config))


def test_what_is_not_in_the_bundle_is_not_spoken_of() -> None:
    card = write_card(make_facts())
    assert "model.onnx" not in card
    assert "int8.onnx" not in card
    full = write_card(add_onnx(make_facts()))
    assert "| the same in int8 | 85.00% of the same images |" in full
    assert "`model.onnx` in onnxruntime: 18 right, the same class for 100.00%, logits within 3e-06" in full
    without_curve = replace(make_facts(), sizes_bytes={name: 1 for name in SIZES if name != "curve.png"})
    assert "curve.png" not in write_card(without_curve)


def test_the_classes_have_their_shares_and_an_empty_one_has_none() -> None:
    card = write_card(make_facts())
    assert "| dark | 10 | 80.0% |" in card
    assert "| bright | 0 |  |" in card


def test_words_of_a_person_s_own_do_nothing_in_markdown() -> None:
    config = tiny_config()
    names = ("<script>alert(1)</script>", "a | b\n# head", "[x](javascript:1)")
    dataset = config.dataset.model_copy(update={"class_names": names})
    facts = make_facts(config.model_copy(update={"dataset": dataset}), dataset="*my*\ndata | set")
    card = write_card(facts)
    assert not re.search(r"(?<!\\)<script", card)
    assert "\n# head" not in card
    assert not re.search(r"(?<!\\)\[x(?<!\\)\]", card)
    rows = [line for line in card.splitlines() if line.startswith("| ")]
    assert r"| a \| b \# head | 10 | 100.0% |" in rows


@pytest.mark.parametrize(
    "facts",
    [
        make_facts(),
        add_onnx(make_facts()),
        make_facts(tiny_config(TINY_FCN)),
        make_facts(finalist=FINALIST | {"test": None}),
    ],
)
def test_every_table_has_as_many_cells_in_each_row(facts: CardFacts) -> None:
    blocks = re.findall(r"(?:^\|.*\n?)+", write_card(facts), flags=re.MULTILINE)
    assert len(blocks) >= 5
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


def test_the_commands_of_the_card_exist() -> None:
    commands = set(re.findall(r"^hpsearch (\w+)", write_card(add_onnx(make_facts())), flags=re.MULTILINE))
    assert {"predict", "evaluate", "train", "enqueue"} <= commands
    assert "hpsearch enqueue" not in write_card(make_facts(parameters={}))
    known = set(re.findall(r"^## hpsearch (\w+)", write_reference(), flags=re.MULTILINE))
    assert commands <= known


def test_a_network_that_learned_from_another_says_from_which_and_how_much() -> None:
    teacher = Teacher(study="cnn", trial=7, weights_sha256="a" * 64)
    card = write_card(make_facts(tiny_config(TINY_FCN).model_copy(update={"teacher": teacher})))
    assert "| learned from | trial 7 of study cnn, beside the labels (distillation) |" in card
    assert "| its part | 70% of the loss, at temperature 3 |" in card
    assert f"`{'a' * 64}`" in card
    assert "teacher" not in write_card(make_facts(tiny_config(TINY_FCN)))

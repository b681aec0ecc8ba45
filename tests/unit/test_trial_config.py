import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.study.recipe import Recipe
from hpsearch.study.trial_config import TrialConfig, derive_seed

DATASET = DatasetIdentity(
    name="fashion-mnist",
    sha256="0" * 64,
    input_shape=InputShape(1, 28, 28),
    class_names=tuple("abcdefghij"),
    train_count=60_000,
    test_count=10_000,
)


def _config(**changes: Any) -> TrialConfig:
    fields: dict[str, Any] = {
        "architecture": FcnArchitecture(widths=(112, 106), batch_norm=False),
        "recipe": Recipe(epochs=3),
        "dataset": DATASET,
        "seed": derive_seed(0, 0, "training"),
        "budget": 100_968,
    }
    return TrialConfig.model_validate(fields | changes)


def test_a_trial_config_survives_json() -> None:
    cnn = CnnArchitecture(stages=(CnnStage(channels=(8, 8), block="residual", pool=Pool()),), dense=(16,))
    for config in (_config(), _config(architecture=cnn, seed=2**63 - 1, budget=None)):
        again = TrialConfig.model_validate_json(config.model_dump_json())
        assert again == config
        assert isinstance(again.dataset.input_shape, InputShape)


def test_a_configuration_that_holds_images_out_is_written_as_before_one_could_do_otherwise() -> None:
    config = _config()
    assert "trains_on" not in config.model_dump()
    # What version 0.1.0 wrote: checkpoints and the names of trainings are known by it.
    digest = "9bc5a5081977c6f397e59397afb2be67c918f52a96c88716f7e169643a91c20d"
    assert hashlib.sha256(config.model_dump_json().encode()).hexdigest() == digest
    assert (config.is_validated, config.held_out_fraction) == (True, 0.1)


def test_a_configuration_that_holds_nothing_out_says_so() -> None:
    config = _config(trains_on="train+validation")
    assert config.model_dump(mode="json")["trains_on"] == "train+validation"
    assert TrialConfig.model_validate_json(config.model_dump_json()) == config != _config()
    assert (config.is_validated, config.held_out_fraction) == (False, None)


def test_a_configuration_without_a_teacher_says_nothing_of_one_and_with_one_says_who_it_is() -> None:
    assert "teacher" not in _config().model_dump()
    taught = _config(teacher={"study": "cnn", "trial": 7, "weights_sha256": "a" * 64})
    written = taught.model_dump(mode="json")["teacher"]
    assert written == {"study": "cnn", "trial": 7, "weights_sha256": "a" * 64, "temperature": 3.0, "share": 0.7}
    assert TrialConfig.model_validate_json(taught.model_dump_json()) == taught != _config()
    for wrong in (
        {"weights_sha256": "a"},
        {"share": 0},
        {"share": 1.1},
        {"temperature": 0},
        {"trial": -1},
        {"more": 1},
    ):
        with pytest.raises(ValidationError):
            _config(teacher=written | wrong)


def test_a_trial_config_counts_on_its_own_data_set() -> None:
    assert _config().count_weights() == 100_968
    assert _config().count_macs() == 784 * 112 + 112 * 106 + 106 * 10


def test_a_trial_over_its_budget_cannot_be_written_down() -> None:
    with pytest.raises(ValidationError, match="holds 100968 weights, over its budget of 100967"):
        _config(budget=100_967)


def test_a_trial_whose_image_does_not_survive_cannot_be_written_down() -> None:
    with pytest.raises(ValidationError, match="a 2x2 pool does not fit an image of 1x1"):
        _config(architecture=CnnArchitecture(stages=(CnnStage(channels=(4,), pool=Pool()),) * 5))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("seed", -1),
        ("seed", 2**63),
        ("validation_fraction", 0.0),
        ("validation_fraction", "0.1"),
        ("trains_on", "test"),
    ],
)
def test_a_field_out_of_its_bounds_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        _config(**{field: value})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        _config(workers=2)


def test_images_without_pixels_and_data_without_classes_are_refused() -> None:
    fields = DATASET.model_dump()
    with pytest.raises(ValidationError, match="images of 1x0x28 hold no pixels"):
        DatasetIdentity.model_validate(fields | {"input_shape": (1, 0, 28)})
    with pytest.raises(ValidationError, match="class_names"):
        DatasetIdentity.model_validate(fields | {"class_names": ()})


def test_seeds_of_trials_and_purposes_differ_and_never_change() -> None:
    seeds = {derive_seed(study, trial, purpose) for study in (0, 1) for trial in range(100) for purpose in ("a", "b")}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(0, 0, "training") == 7392594068954066702

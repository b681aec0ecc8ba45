"""A data set and trials that train in milliseconds."""

from typing import Any

import torch

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.network.architecture import Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.study.recipe import Recipe
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data import LabelledImages, SearchSplits

CPU = torch.device("cpu")

torch.set_num_threads(1)  # threads of tests side by side would wait for each other

TINY_DATASET = DatasetIdentity(
    name="tiny",
    sha256="0" * 64,
    input_shape=InputShape(1, 8, 8),
    class_names=("dark", "middle", "bright"),
    train_count=300,
    test_count=0,
    rules=2,
)

TINY_FCN = FcnArchitecture(widths=(12, 8))
TINY_CNN = CnnArchitecture(
    stages=(
        CnnStage(channels=(6,), kernel=5, pool=Pool()),
        CnnStage(channels=(8,), block="separable"),
        CnnStage(channels=(8,), block="residual", stride=2),
    ),
    dropout_place="everywhere",
)


def draw_images(count: int, seed: int) -> LabelledImages:
    """Noise whose brightness tells the class: easy to learn."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (count,), generator=generator)
    noise = torch.randint(0, 80, (count, *TINY_DATASET.input_shape), generator=generator)
    return LabelledImages((noise + 80 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)


def draw_splits(train_count: int = 270, validation_count: int = 30) -> SearchSplits:
    """Splits of the tiny data set."""
    return SearchSplits(TINY_DATASET, draw_images(train_count, seed=1), draw_images(validation_count, seed=2))


def tiny_config(architecture: Architecture = TINY_FCN, *, seed: int = 7, **recipe: Any) -> TrialConfig:
    """A trial on the tiny data set; keywords go into its recipe."""
    recipe = {"epochs": 3, "batch_size": 32, "lr": 0.01, **recipe}
    return TrialConfig(architecture=architecture, recipe=Recipe(**recipe), dataset=TINY_DATASET, seed=seed)

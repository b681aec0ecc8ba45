"""How long an epoch takes, from a few steps on images of noise: no data set is needed."""

import math
import statistics

import torch

from hpsearch.study.recipe import LEAST_STEPS, divide_epoch
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data import LabelledImages, SearchSplits
from hpsearch.training.device import worker_threads
from hpsearch.training.loop import TrainingSession

_LEAST_SECONDS = 0.5
"""A measurement that was shorter is taken again over more steps."""
_FEWEST_STEPS, _MOST_STEPS = 6, 60
_EPOCHS = 5


def measure_worker_epoch_seconds(config: TrialConfig, device: torch.device, threads: int = 1) -> float:
    """The seconds of one epoch in a worker, which has one thread unless it shares a trial, within a few seconds."""
    with worker_threads(threads):
        few = measure_epoch_seconds(config, device, steps=_FEWEST_STEPS, threads=threads)
        _, steps_per_epoch = divide_epoch(config.dataset.train_count, config.recipe.batch_size, config.dataset.rules)
        took = few * _FEWEST_STEPS / steps_per_epoch
        if took >= _LEAST_SECONDS:
            return few
        more = math.ceil(_FEWEST_STEPS * _LEAST_SECONDS / took) if took > 0 else _MOST_STEPS
        return measure_epoch_seconds(config, device, steps=min(_MOST_STEPS, more), threads=threads)


def measure_epoch_seconds(config: TrialConfig, device: torch.device, *, steps: int = 30, threads: int = 1) -> float:
    """The seconds of one epoch of this trial with its validation, on this device or so many of its cores.

    Runs the training loop itself for short epochs of about `steps` steps, one to warm up and five more, and scales the
    median of these by the number of steps: a moment in which something else ran does not count, and what goes on all
    the time does.
    """
    train_count = config.dataset.train_count - round(config.dataset.train_count * config.validation_fraction)
    batch_size, epoch_steps = divide_epoch(train_count, config.recipe.batch_size, config.dataset.rules)
    steps = min(max(steps, LEAST_STEPS), epoch_steps)  # with fewer the session would make smaller batches
    images = train_count if steps == epoch_steps else steps * batch_size
    validation_count = round(images * config.validation_fraction / (1 - config.validation_fraction))
    splits = SearchSplits(config.dataset, _draw_noise(config, images), _draw_noise(config, max(validation_count, 1)))
    # Noise cannot diverge at such a small learning rate, and a step's time does not depend on it.
    recipe = config.recipe.model_copy(update={"epochs": 1 + _EPOCHS, "lr": 1e-6, "batch_size": batch_size})
    session = TrainingSession(config.model_copy(update={"recipe": recipe}), splits, device, threads=threads)
    session.train_epoch()
    return statistics.median(session.train_epoch().seconds for _ in range(_EPOCHS)) * epoch_steps / steps


def _draw_noise(config: TrialConfig, count: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *config.dataset.input_shape), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.randint(0, config.dataset.class_count, (count,), generator=generator))

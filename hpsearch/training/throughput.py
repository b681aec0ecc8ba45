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
_EPOCHS_AGAIN = 3
_MOST_EPOCHS = 100


class EpochTimer:
    """Measures how long an epoch takes in a worker; the same network again costs less than the first time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._begun: list[tuple[TrialConfig, int, _ShortEpochs]] = []

    def measure(self, config: TrialConfig, threads: int = 1) -> float:
        """The seconds of one epoch in a worker, which has one thread unless it shares a trial, within a few seconds."""
        with worker_threads(threads):
            for earlier, its_threads, epochs in self._begun:
                if (earlier, its_threads) == (config, threads):
                    return epochs.time(_EPOCHS_AGAIN)
            epochs = _ShortEpochs(config, self._device, _FEWEST_STEPS, threads)
            seconds = epochs.time(_EPOCHS)
            if (took := seconds / epochs.factor) < _LEAST_SECONDS:
                more = math.ceil(_FEWEST_STEPS * _LEAST_SECONDS / took) if took > 0 else _MOST_STEPS
                epochs = _ShortEpochs(config, self._device, min(_MOST_STEPS, more), threads)
                seconds = epochs.time(_EPOCHS)
            self._begun.append((config, threads, epochs))
            return seconds


def measure_epoch_seconds(config: TrialConfig, device: torch.device, *, steps: int = 30) -> float:
    """The seconds of one epoch of this trial with its validation, on this device and with this process's threads.

    Runs the training loop itself for short epochs of about `steps` steps, one to warm up and five more, and scales the
    median of these by the number of steps: a moment in which something else ran does not count, and what goes on all
    the time does.
    """
    return _ShortEpochs(config, device, steps, threads=1).time(_EPOCHS)


class _ShortEpochs:
    """A training whose epochs have so many steps, begun and warm."""

    def __init__(self, config: TrialConfig, device: torch.device, steps: int, threads: int) -> None:
        train_count = config.dataset.train_count - round(config.dataset.train_count * config.validation_fraction)
        batch_size, epoch_steps = divide_epoch(train_count, config.recipe.batch_size, config.dataset.rules)
        steps = min(max(steps, LEAST_STEPS), epoch_steps)  # with fewer the session would make smaller batches
        images = train_count if steps == epoch_steps else steps * batch_size
        validation_count = round(images * config.validation_fraction / (1 - config.validation_fraction))
        splits = SearchSplits(
            config.dataset, _draw_noise(config, images), _draw_noise(config, max(validation_count, 1))
        )
        # Noise cannot diverge at such a small learning rate, and a step's time does not depend on it.
        recipe = config.recipe.model_copy(update={"epochs": _MOST_EPOCHS, "lr": 1e-6, "batch_size": batch_size})
        self._session = TrainingSession(config.model_copy(update={"recipe": recipe}), splits, device, threads=threads)
        self._session.train_epoch()
        self.factor = epoch_steps / steps
        """How many of them a whole epoch has."""

    def time(self, count: int) -> float:
        """The seconds of a whole epoch, by the median of so many."""
        return statistics.median(self._session.train_epoch().seconds for _ in range(count)) * self.factor


def _draw_noise(config: TrialConfig, count: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *config.dataset.input_shape), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.randint(0, config.dataset.class_count, (count,), generator=generator))

"""The teacher of a study, as the study keeps it: chosen once, when the study is made."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from hpsearch.study.teacher import Teacher
from hpsearch.study.trial_config import TrialConfig


class StudyTeacher(BaseModel):
    """The network that teaches every trial of a study; its weights are a blob of the study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: Teacher
    """As each trial's configuration names it."""
    config: TrialConfig
    """Its own: what its weights are built into."""
    validation_accuracy: float | None = None
    """Its own, as a fraction; None where it is not known."""

    def describe(self) -> str:
        """In a line: `fashion-mnist-cnn-100k, trial 7: cnn of 99,914 weights, 93.1% validation`."""
        accuracy = self.validation_accuracy
        known = "" if accuracy is None else f", {100 * accuracy:.1f}% validation"
        network = f"{self.config.architecture.arch} of {self.config.count_weights():,} weights"
        return f"{self.identity.study}, trial {self.identity.trial}: {network}{known}"


@dataclass(frozen=True)
class GivenTeacher:
    """A teacher for a study that is made now."""

    teacher: StudyTeacher
    weights: bytes
    """As safetensors."""


FindTeacher = Callable[[], GivenTeacher]
"""Finds it, with its weights; called only where a study is to be made."""

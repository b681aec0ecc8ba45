"""The teacher of a trial: a trained network whose answers it learns beside the labels."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Teacher(BaseModel):
    """Which network teaches, and how much its word counts (Hinton et al., Distilling the Knowledge ..., 2015)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: Annotated[str, Field(min_length=1)]
    """Where it was trained; it need not be there any more, for whoever learns from it has a copy of its weights."""
    trial: Annotated[int, Field(ge=0)]
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of its weights as they are kept, in hexadecimal: who the teacher is."""
    temperature: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 3.0
    """Divides both networks' logits, so that the classes which are not the likeliest are heard as well."""
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.7
    """Of the loss that is the teacher's; the rest is the labels'."""

    def describe(self) -> str:
        """In words: `trial 7 of study cnn-100k`."""
        return f"trial {self.trial} of study {self.study}"

    def describe_part(self) -> str:
        """How much its word counts: `70% of the loss, at temperature 3`."""
        return f"{100 * self.share:.4g}% of the loss, at temperature {self.temperature:g}"

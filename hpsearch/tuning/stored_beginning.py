"""What a study keeps of another one that it began with."""

from pathlib import PurePath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hpsearch.network.architecture import Arch


class WarmStart(BaseModel):
    """What a study took from another one, as it keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    arch: Arch
    budget: int
    dataset: str
    trials: Annotated[tuple[int, ...], Field(min_length=1)]
    """The numbers that they have there, in the order in which they are tried here."""
    changes: tuple[str, ...] = ()
    """What is not as it was there, in words."""

    def describe(self) -> str:
        """In a line: `fashion-mnist-cnn-10k, its trials 7, 3 and 12`."""
        *others, last = (str(number) for number in self.trials)
        numbers = f"trials {', '.join(others)} and {last}" if others else f"trial {last}"
        dataset = PurePath(self.dataset).name  # somebody's own is a path
        return f"{self.study} (a {self.arch} of at most {self.budget:,} weights on {dataset}), its {numbers}"

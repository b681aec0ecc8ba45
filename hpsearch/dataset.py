"""What a network has to know of a data set: the shape of an image and the classes."""

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from hpsearch.storable_text import list_unstorable, write_out

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


DataRules = Literal[1, 2]
"""How a person's own files become images, images fall into splits, and few of them into batches.

1: by their place in a list; what fills no batch is left out of an epoch. Of all data sets known by name. A person's
   own files were read so as well before there was 2, and are not any more.
2: as a person sees them (turned, 16 bits brought to 8), by a hash of their pixels; of few images none is left out of an
   epoch, and batches are smaller.
"""
NEWEST_RULES: DataRules = 2


ImageSize = Annotated[int, Field(ge=4, le=1024, strict=True)]


class Preparation(BaseModel):
    """How images of any size and kind become those that a network takes: by the same rule in training and afterwards.

    An image is turned as its camera says, laid on white where it can be looked through, brought to 8 bits and to grey
    or red, green, blue, scaled until its shorter side is `size` (bilinear, over all pixels that it covers), and the
    square in its middle is taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: ImageSize
    """Height and width, in pixels."""
    grey: Annotated[bool, Field(strict=True)] = False
    """Whether colours are dropped; without it grey images among coloured ones are read as coloured."""

    def describe(self) -> str:
        """In words: `scaled to 64 pixels on the shorter side, the square in the middle, grey`."""
        grey = ", grey" if self.grey else ""
        return f"scaled to {self.size} pixels on the shorter side, the square in the middle{grey}"


class InputShape(NamedTuple):
    """The shape of one image: (channels, height, width)."""

    channels: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """The number of values in one image."""
        return self.channels * self.height * self.width

    def __str__(self) -> str:
        return "x".join(str(length) for length in self)


class DatasetIdentity(BaseModel):
    """Which images, exactly: the name a person typed, what the files hold, and the SHA-256 over their content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """A name of the catalogue (`fashion-mnist`) or the path that was given."""
    sha256: Sha256
    """Over the content of every split: another image, another label, another hash."""
    input_shape: InputShape
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    train_count: Annotated[int, Field(ge=1)]
    """Images in the training split, the validation part included."""
    test_count: Annotated[int, Field(ge=0)]
    # What follows is not written where it is the default: as before it was there, so that hashes stay the same.
    validation_count: Annotated[Annotated[int, Field(ge=1)] | None, Field(exclude_if=lambda count: count is None)] = (
        None
    )
    """Images of the training split that the data set itself sets aside to validate on; None where it sets none."""
    rules: Annotated[DataRules, Field(exclude_if=lambda rules: rules == 1)] = 1
    preparation: Annotated[Preparation | None, Field(exclude_if=lambda rule: rule is None)] = None
    """How they became images of this shape; None where they are of it as they lie in their files."""

    @model_validator(mode="after")
    def _images_have_pixels(self) -> Self:
        if min(self.input_shape) < 1:
            raise ValueError(f"images of {self.input_shape} hold no pixels; channels, height and width are 1 or more")
        return self

    @model_validator(mode="after")
    def _names_can_be_stored(self) -> Self:
        for name in list_unstorable([self.name, self.class_names]):
            raise ValueError(f"the name '{write_out(name)}' is no UTF-8 text: rename it")
        return self

    @property
    def class_count(self) -> int:
        """The number of classes."""
        return len(self.class_names)

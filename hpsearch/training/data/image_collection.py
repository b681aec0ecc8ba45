"""Images that were read one by one and become one data set: what was met, and whether they go together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hpsearch.dataset import Preparation
from hpsearch.errors import DataError
from hpsearch.training.data.image_reading import (
    ENDINGS,
    NoImageError,
    ReadImage,
    UnfitImageError,
    read_image,
    show_path,
)
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.left_out import LeftOut

MOST_SIDE = 64
"""What a refusal offers: photos are rarely told apart better by more pixels, and the time grows with them."""
_SHOWN_KINDS = 4
_SHOWN_DAMAGED = 5


@dataclass(frozen=True)
class ImageSource:
    """A file, or the bytes of one that lie in another, and the label of its image."""

    path: Path
    """For messages alone, where there is content."""
    label: int
    content: bytes | None = None


@dataclass
class ImageCollection:
    """Reads images and remembers what was met.

    With a preparation all become of one size; without one they have to be.
    """

    place: Path
    """The folder or file that they come from, for messages."""
    preparation: Preparation | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    read: int = 0
    turned: int = 0
    deep: int = 0
    more_pages: int = 0
    grey: int = 0
    on_white: int = 0
    unfit: list[str] = field(default_factory=list)
    """Why images cannot be taken, a line each."""
    damaged: list[tuple[Path, str]] = field(default_factory=list)
    """Files that cannot be read, each with a line that says why."""
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    odd: dict[tuple[int, int], Path] = field(default_factory=dict)
    """The first file of each size."""

    def read_all(self, sources: Iterable[ImageSource]) -> list[tuple[ReadImage, int]]:
        """Each image with its label; what is no image is counted, what is damaged or cannot be taken `check` says."""
        images = []
        for source in sources:
            try:
                image = read_image(source.path, source.content, preparation=self.preparation)
            except UnfitImageError as error:
                self.unfit.append(str(error))
                continue
            except NoImageError as error:
                if source.content is not None or source.path.suffix.lower() in ENDINGS:
                    self.damaged.append((source.path, str(error)))
                    continue
                ending = source.path.suffix.lower() or "nameless"
                self.left_out.add(f"{ending} file that is no image", f"{ending} files that are no images", source.path)
                continue
            except DataError as error:
                self.damaged.append((source.path, str(error)))
                continue
            self._note(source.path, image)
            images.append((image, source.label))
        return images

    def pack(self, images: Sequence[tuple[ReadImage, int]]) -> LabelledImages:
        """As tensors (n, c, h, w) and (n,), grey if all images of the collection are."""
        channels = 1 if self.grey == self.read else 3
        width, height = images[0][0].size
        pixels = np.empty((len(images), channels, height, width), dtype=np.uint8)
        for position, (image, _label) in enumerate(images):
            pixels[position] = image.convert(channels)
        return LabelledImages.from_arrays(pixels, np.array([label for _image, label in images], dtype=np.int64))

    def check(self) -> None:
        """Raises DataError where images are damaged, cannot be taken or differ in size: how many, and what mends it.

        All are looked at before, so that whoever has fifty damaged files learns of them at once.
        """
        if self.damaged:
            raise DataError(self._describe_damaged())
        mend = f"give --image-size {MOST_SIDE}, which brings all to one size and kind"
        if self.unfit:
            raise DataError(
                f"{self.unfit[0]}; {len(self.unfit):,} of {len(self.unfit) + self.read:,} images in "
                f"{show_path(self.place)} cannot be taken as they are: {mend} on white, or convert them to grey (L) or "
                f"RGB, e.g. with ImageMagick: mogrify -background white -alpha remove -alpha off "
                f"{show_path(self.place)}/*/*"
            )
        if self.preparation is None and len(self.sizes) > 1:
            (usual, _count), *others = self.sizes.most_common()
            count, size = sum(number for _size, number in others), others[0][0]
            width, height = usual
            raise DataError(
                f"{show_path(self.odd[size])} is {size[0]}x{size[1]} where most images in {show_path(self.place)} are "
                f"{width}x{height}: {count:,} of them, of {self.read:,}, have another size; {mend}; or take them away, "
                f"or scale them, e.g. with ImageMagick: mogrify -resize '{width}x{height}!' "
                f"{show_path(self.place)}/*/*"
            )

    def _describe_damaged(self) -> str:
        (_first, reason), *others = self.damaged
        if not others:
            return reason
        shown = ", ".join(show_path(path) for path, _reason in others[:_SHOWN_DAMAGED])
        more = f" and {len(others) - _SHOWN_DAMAGED:,} more" if len(others) > _SHOWN_DAMAGED else ""
        return f"{reason}; {len(others):,} more cannot be read either: {shown}{more}"

    def describe(self) -> list[str]:
        """A line for each thing that was left out or done to the images."""
        grey = self.grey if self.grey < self.read else 0
        found = (
            (self.turned, "is", "are", "turned as the orientation in the EXIF data says"),
            (self.deep, "has", "have", "16 bits a pixel: 0..65535 is brought to 0..255"),
            (self.more_pages, "has", "have", "several pages: the first one is read, the others are left out"),
            (self.on_white, "is", "are", "laid on white, for one can look through"),
            (grey, "is", "are", "grey and read as colour, as the others are"),
            (self._count_small(), "is", "are", f"smaller than the {self._side} pixels of a side, and scaled up"),
        )
        return self.left_out.describe() + [
            f"{count:,} of {self.read:,} images {one if count == 1 else several} {what}"
            for count, one, several, what in found
            if count
        ]

    def describe_kinds(self) -> list[str]:
        """What the files are, a line each: sizes and modes with their counts."""
        sizes = Counter({f"{width}x{height}": count for (width, height), count in self.sizes.items()})
        return [f"sizes: {_list_counts(sizes)}", f"modes: {_list_counts(self.modes)}"]

    @property
    def _side(self) -> int:
        return 0 if self.preparation is None else self.preparation.size

    def _count_small(self) -> int:
        return sum(count for size, count in self.sizes.items() if min(size) < self._side)

    def _note(self, path: Path, image: ReadImage) -> None:
        size = image.original_size or image.size
        self.read += 1
        self.turned += image.is_turned
        self.deep += image.is_deep
        self.more_pages += image.pages > 1
        self.grey += image.is_grey
        self.on_white += image.is_on_white
        self.sizes[size] += 1
        self.modes[image.mode] += 1
        self.odd.setdefault(size, path)


def _list_counts(counts: Counter[str]) -> str:
    """The most frequent with their counts, and how many others there are."""
    shown = [f"{name} ({count:,})" for name, count in counts.most_common(_SHOWN_KINDS)]
    others = list(counts.most_common())[_SHOWN_KINDS:]
    more = [f"{len(others):,} others ({sum(count for _name, count in others):,})"] if others else []
    return ", ".join([*shown, *more])

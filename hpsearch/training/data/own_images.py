"""A person's own images, read whole and divided by what they are."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch

from hpsearch.dataset import DatasetIdentity, InputShape, Preparation
from hpsearch.training.data.content_hashes import count_repetitions, hash_images
from hpsearch.training.data.content_split import hold_out_by_content
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.pixel_findings import describe_pixels
from hpsearch.training.data.stratification import HELD_OUT_TEST_FRACTION
from hpsearch.wording import count_of


@dataclass(frozen=True, eq=False)
class GivenImages:
    """What a folder or an archive holds, as it was given."""

    class_names: tuple[str, ...]
    train: LabelledImages
    validation: LabelledImages | None = None
    test: LabelledImages | None = None
    notes: tuple[str, ...] = ()
    """What a person should know of how it was read, a line each."""
    kinds: tuple[str, ...] = ()
    """What the files are, for who asks: sizes, modes, types, a line each."""


@dataclass(frozen=True, eq=False)
class OwnPart:
    """Images and the hash of each, sorted by label and hash: names and places in files mean nothing."""

    images: LabelledImages
    digests: tuple[bytes, ...]

    @classmethod
    def sort(cls, images: LabelledImages) -> Self:
        """The images in the order of their content."""
        digests = hash_images(images.images.numpy())
        labels = images.labels.tolist()
        order = sorted(range(len(labels)), key=lambda row: (labels[row], digests[row]))
        return cls(images.select(np.array(order, dtype=np.int64)), tuple(digests[row] for row in order))

    def __len__(self) -> int:
        return len(self.digests)

    def select(self, rows: "np.typing.NDArray[np.int64]") -> Self:
        """The images at these rows, in that order."""
        return type(self)(self.images.select(rows), tuple(self.digests[row] for row in rows))

    def drop(self, known: frozenset[bytes]) -> Self:
        """The images that are not among those of these hashes."""
        return self.select(
            np.array([row for row, each in enumerate(self.digests) if each not in known], dtype=np.int64)
        )

    def describe(self) -> list[tuple[int, str]]:
        """Label and hash of each."""
        labels = self.images.labels.tolist()
        return [(label, digest.hex()) for label, digest in zip(labels, self.digests, strict=True)]


@dataclass(frozen=True, eq=False)
class OwnImages:
    """A person's own data set, divided.

    No image is in two of the parts: of one that was given for two, the copy nearer to the test split counts.
    """

    name: str
    class_names: tuple[str, ...]
    train: OwnPart
    validation: OwnPart | None
    """None where it is chosen among the training images."""
    test: OwnPart
    """Sealed: test_split.py alone hands it out."""
    notes: tuple[str, ...]
    brings_test: bool
    """Whether the test split was given, and not held out here."""
    kinds: tuple[str, ...] = ()
    """What the files are, a line each."""
    preparation: Preparation | None = None
    """How the images were brought to their size."""

    @classmethod
    def divide(cls, name: str, given: GivenImages, preparation: Preparation | None = None) -> Self:
        """Hold out a test split by content, where none was given, and find what is there more than once.

        Given splits that leave nothing to train on of a class, for all its images are in another one as well, are put
        together and divided by content.
        """
        train = OwnPart.sort(given.train)
        validation = None if given.validation is None else OwnPart.sort(given.validation)
        test = None if given.test is None else OwnPart.sort(given.test)
        notes = [*given.notes, *_describe_repetitions(*filter(None, (train, validation, test)))]
        if test is None:
            everything = train if validation is None else join_parts(train, validation)
            notes += _describe_lone(given.class_names, everything)
            labels = train.images.labels.numpy()
            split = hold_out_by_content(train.digests, labels, HELD_OUT_TEST_FRACTION, "test")
            test, train = train.select(split.held_out), train.select(split.kept)
        else:
            everything = train
        count = len(train)
        train, validation = _separate(train, validation, test)
        if dropped := count - len(train):
            notes.append(
                f"{dropped:,} training images are left out: they are in the test split or the validation split as well"
            )
        if missing := _find_missing(given.class_names, train):
            note = (
                f"every training image of class {missing[0]!r} is in the test split or the validation split as well: "
                "the given splits are put together and divided by content"
            )
            parts = [part for part in (given.train, given.validation, given.test) if part is not None]
            together = GivenImages(
                given.class_names, join_images(*parts), notes=(*given.notes, note), kinds=given.kinds
            )
            return cls.divide(name, together, preparation)
        notes += describe_pixels(everything.images.images.numpy())
        brings_test = given.test is not None
        return cls(
            name, given.class_names, train, validation, test, tuple(notes), brings_test, given.kinds, preparation
        )

    @property
    def identity(self) -> DatasetIdentity:
        """Who these images are: by their pixels and labels alone."""
        channels, height, width = self.train.images.images.shape[1:]
        parts = [None if part is None else part.describe() for part in (self.train, self.validation, self.test)]
        content = json.dumps([2, self.class_names, [channels, height, width], *parts])
        held = 0 if self.validation is None else len(self.validation)
        return DatasetIdentity(
            name=self.name,
            sha256=hashlib.sha256(content.encode()).hexdigest(),
            input_shape=InputShape(channels, height, width),
            class_names=self.class_names,
            train_count=len(self.train) + held,
            test_count=len(self.test),
            validation_count=held or None,
            rules=2,
            preparation=self.preparation,
        )

    def count_classes(self) -> list[tuple[str, int, int, int]]:
        """Of each class its name and how many images it has to train on, to validate on as given, and to test."""
        counts = [
            np.zeros(len(self.class_names), dtype=np.int64)
            if part is None
            else np.bincount(part.images.labels.numpy(), minlength=len(self.class_names))
            for part in (self.train, self.validation, self.test)
        ]
        return [(name, *(int(each[label]) for each in counts)) for label, name in enumerate(self.class_names)]  # type: ignore[misc]

    def load_train(self, _cache_folder: Path) -> LabelledImages:
        """The training split, the validation part included."""
        return self.train.images if self.validation is None else join_parts(self.train, self.validation).images


def join_parts(*parts: OwnPart) -> OwnPart:
    """Several parts as one."""
    return OwnPart(
        join_images(*(part.images for part in parts)), tuple(digest for part in parts for digest in part.digests)
    )


def join_images(*parts: LabelledImages) -> LabelledImages:
    """Images one behind the other."""
    return LabelledImages(torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts]))


def _separate(train: OwnPart, validation: OwnPart | None, test: OwnPart) -> tuple[OwnPart, OwnPart | None]:
    tested = frozenset(test.digests)
    if validation is not None:
        validation = validation.drop(tested)
        tested |= frozenset(validation.digests)
    return train.drop(tested), validation if validation is not None and len(validation) else None


def _describe_repetitions(*parts: OwnPart) -> list[str]:
    whole = join_parts(*parts)
    found = count_repetitions(whole.digests, whole.images.labels.numpy())
    notes = []
    if found.repeated:
        notes.append(
            f"{count_of(found.repeated, 'image occurs', 'images occur')} twice or more ({found.copies:,} in all): "
            "all copies of one are on the same side of every split"
        )
    if found.contradicted:
        notes.append(
            f"{count_of(found.contradicted, 'image stands', 'images stand')} in two classes or more: no network can be "
            "right about every copy; look which label is meant"
        )
    return notes


def _describe_lone(class_names: Sequence[str], everything: OwnPart) -> list[str]:
    """A line for classes of one image: it is trained on, so that nothing is held out of them to test."""
    different = dict(zip(everything.digests, everything.images.labels.tolist(), strict=True))  # copies stay together
    counts = np.bincount([*different.values()], minlength=len(class_names))
    lone = [class_names[label] for label in np.flatnonzero(counts == 1).tolist()]
    if not lone:
        return []
    if len(lone) == len(class_names):
        return [f"each of the {len(lone):,} classes has one image alone, so that nothing is tested: are these classes?"]
    which = count_of(len(lone), "class has", "classes have")
    return [f"{which} one image alone, e.g. {lone[0]!r}: that is trained on, and nothing tests it"]


def _find_missing(class_names: Sequence[str], train: OwnPart) -> list[str]:
    """The classes without a training image."""
    counts = np.bincount(train.images.labels.numpy(), minlength=len(class_names))
    return [class_names[label] for label in np.flatnonzero(counts == 0).tolist()]

"""Data sets as a person reads them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.storable_text import write_out
from hpsearch.views.tables import FittedTable, make_table

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.dataset import DatasetIdentity
    from hpsearch.training.data import Inspection
    from hpsearch.training.data.listing import DatasetListing

_MOST_CLASSES = 40
"""That are listed by name."""


def draw_listings(listings: "Sequence[DatasetListing]") -> "FittedTable":
    """The data sets that are known by name, and which are here."""
    table = make_table("name", "images", "classes>", "train>", "test>", "licence/", "here", drops=("train", "test"))
    for listing in listings:
        table.add_row(
            listing.entry.name,
            str(listing.entry.input_shape),
            str(len(listing.entry.class_names)),
            f"{listing.entry.train_count:,}",
            f"{listing.entry.test_count:,}",
            listing.entry.licence,
            "yes" if listing.cached_path else f"no ({listing.size_bytes / 1e6:.0f} MB)",
        )
    return table


def show_classes(console: "Console", found: "Inspection") -> None:
    """Of own images: each class with its images in every split, and what the files are."""
    has_validation = found.identity.validation_count is not None
    heads = ["class/", "images>", "train>", *(["validation>"] if has_validation else []), "test>"]
    table = make_table(*heads)
    for name, train, validation, test in found.classes[:_MOST_CLASSES]:
        counts = [train + validation + test, train, *([validation] if has_validation else []), test]
        table.add_row(write_out(name), *(f"{count:,}" for count in counts))
    console.print(table)
    if (more := len(found.classes) - _MOST_CLASSES) > 0:
        console.print(f"and {more:,} classes more", soft_wrap=True)
    if found.identity.preparation is not None:
        console.print(f"every image {found.identity.preparation.describe()}", soft_wrap=True)
    for line in found.kinds:
        console.print(write_out(line), soft_wrap=True)


def describe_validation(identity: "DatasetIdentity") -> str:
    """How many images its owner gave to validate on; empty if none."""
    count = identity.validation_count
    return "" if count is None else f" ({count:,} of them given to validate on)"


def describe_listing(listing: "DatasetListing") -> dict[str, Any]:
    """A known data set as a JSON document."""
    return {
        "name": listing.entry.name,
        "input_shape": list(listing.entry.input_shape),
        "class_names": list(listing.entry.class_names),
        "train_count": listing.entry.train_count,
        "test_count": listing.entry.test_count,
        "origin": listing.entry.origin,
        "licence": listing.entry.licence,
        "cached_path": str(listing.cached_path) if listing.cached_path else None,
        "size_bytes": listing.size_bytes,
    }

"""Numbers and texts as NumPy and PyTorch have them, as Python's own."""

from collections.abc import Mapping
from typing import Any


def make_plain(value: Any) -> Any:
    """A single number or text of NumPy or PyTorch as Python has it; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def make_all_plain(value: Any) -> Any:
    """The same in mappings and lists, with arrays as lists."""
    if isinstance(value, Mapping):
        return {make_plain(name): make_all_plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [make_all_plain(part) for part in value]
    return value.tolist() if hasattr(value, "tolist") else value

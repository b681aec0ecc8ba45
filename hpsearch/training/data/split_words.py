"""What people call their splits."""

import re

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "publictest"), "validation"),
    **dict.fromkeys(("test", "testing", "te", "t10k", "privatetest"), "test"),
}
"""What people call their splits, in small letters."""


def read_split(name: str) -> str | None:
    """The split that a name is, perhaps with a number behind it: `Train`, `test1`; None where it is none."""
    return _read_word(name.lower().rstrip("0123456789 _-"))


def find_split_word(name: str) -> str | None:
    """The split that a name has among its words: `seg_train`, `trainLabels`, `test1`; None for none or several."""
    words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    found = {split for word in words if (split := _read_word(word))}
    return found.pop() if len(found) == 1 else None


def _read_word(word: str) -> str | None:
    """The split that a word in small letters says; two letters are as likely a class: `tr` and `te` are languages."""
    return SPLIT_WORDS.get(word) if len(word) > 2 else None

"""Text as people bring it: what a database, a file or a terminal cannot hold is found here, or written out."""

import codecs
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

_REVERSING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the order of what follows: a name could be shown as another one."""
_UNSHOWN = ("Cc", "Zl", "Zp")
"""Unicode's categories of control characters and of line breaks."""


_UNSEEN = "\u200b\u2060\ufeff"
_TYPOGRAPHIC = (
    ("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb", "typographic quotes", "straight ones, \" or '"),
    ("\u00a0\u202f\u2007" + _UNSEEN, "blanks that are no plain ones, as pages have them", "plain blanks"),
    ("\u2010\u2011\u2012\u2013\u2014\u2212", "typographic dashes", "-"),
    ("\uff1d\uff02\uff3b\uff3d\uff0c", "wide signs", "plain ones"),
)
"""What stands in the place of plain signs, what it is called, and what to write."""


def find_storage_fault(text: str) -> str | None:
    """Why a database cannot hold a text, as the end of a sentence; None where it can.

    Python keeps bytes that are no UTF-8, as old archives have in their file names, as lone surrogates.
    """
    if any(unicodedata.category(character) == "Cs" for character in text):
        return "is no UTF-8"
    return "has a zero byte in it" if "\0" in text else None


def find_name_fault(name: str) -> str | None:
    """Why a text can be no name, as the end of a sentence; None where it can.

    A name stands in tables, on terminals and in files: it is one line of characters that can be seen.
    """
    if fault := find_storage_fault(name):
        return fault
    if not name.strip():
        return "is empty"
    if any(not _is_shown(character) for character in name):
        return "has a line break or a control character in it"
    return None


def decode_line(content: bytes) -> str:
    """The text of a file that holds one line, as any editor or shell writes it: also in UTF-16 with its mark."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_wide else "utf-8-sig", errors="replace").strip()


def decode_document(content: bytes) -> str:
    """The text of a file that a person wrote with an editor: UTF-8, with or without its mark.

    Raises:
        ValueError: It is in another encoding; the message says which, and what to do, as the end of a sentence.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise ValueError("is UTF-16 text: save it as UTF-8, which every editor can")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text: byte {error.start} cannot be read; save it as UTF-8") from error


def explain_typing(text: str) -> str:
    """What word processors and pages put in the place of plain signs, as the end of a sentence; empty if nothing."""
    for signs, what, meant in _TYPOGRAPHIC:
        if found := sorted(set(text) & set(signs)):
            shown = "" if found[0].isspace() or found[0] in _UNSEEN else f" ({' '.join(found)})"
            return f"; it has {what}{shown}: write {meant}"
    return ""


def write_out(text: str, *, keeps: str = "") -> str:
    r"""The text with what a terminal must not see written out: `caf\xe9` for the byte E9, `\x1b`, `\n`.

    `keeps` are characters that stay as they are.
    """
    return "".join(
        character if character in keeps or _is_shown(character) else _escape(character) for character in text
    )


def make_storable(value: Any) -> Any:
    """The same document, or text, with what a database cannot hold written out in its texts."""
    match value:
        case str():
            return value if find_storage_fault(value) is None else "".join(map(_escape_unstorable, value))
        case Mapping():
            return {make_storable(key): make_storable(item) for key, item in value.items()}
        case list() | tuple():
            return [make_storable(item) for item in value]
    return value


def list_unstorable(value: Any) -> Iterator[str]:
    """The texts in a document that a database cannot hold."""
    match value:
        case str():
            if find_storage_fault(value) is not None:
                yield value
        case Mapping():
            for pair in value.items():
                yield from list_unstorable(pair)
        case list() | tuple():
            for item in value:
                yield from list_unstorable(item)


def _is_shown(character: str) -> bool:
    return character.isprintable() or not (
        unicodedata.category(character) in (*_UNSHOWN, "Cs") or character in _REVERSING
    )


def _escape_unstorable(character: str) -> str:
    return character if find_storage_fault(character) is None else _escape(character)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return repr(character)[1:-1]

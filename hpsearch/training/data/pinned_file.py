"""A file of the catalogue, known by its content."""

from dataclasses import dataclass
from pathlib import Path

from hpsearch.training.data.cache import hash_file

_PACKED = (".gz", ".bz2", ".zip", ".mat")
"""Endings of files that are kept as they are offered."""


@dataclass(frozen=True)
class PinnedFile:
    """One file as it lies in the cache: its name, its length and the hash of its bytes.

    That is its SHA-256; only where nobody has published one, the MD5 that torchvision has for it.
    """

    name: str
    size_bytes: int
    sha256: str
    md5: str = ""
    """In place of the SHA-256, where that is empty; the length is then no more than about what it will be."""

    def has_length(self, size_bytes: int) -> bool:
        """Whether a file of this length may be it."""
        return size_bytes == self.size_bytes or not self.sha256

    @property
    def pin(self) -> str:
        """The hash that stands for the content."""
        return self.sha256 or f"md5:{self.md5}"

    @property
    def compressed_name(self) -> str:
        """The name under which it is offered for download: with `.gz`, unless it is kept compressed anyway."""
        return self.name if self.name.endswith(_PACKED) else f"{self.name}.gz"

    def describe_fault(self, path: Path) -> str | None:
        """What is wrong with the file at `path`; None when it is there and whole."""
        if not path.is_file():
            return "is missing"
        size_bytes = path.stat().st_size
        if not self.has_length(size_bytes):
            return f"has {size_bytes:,} bytes instead of {self.size_bytes:,}"
        kind, expected = ("sha256", self.sha256) if self.sha256 else ("md5", self.md5)
        if (found := hash_file(path, kind)) != expected:
            return f"has the {'SHA-256' if self.sha256 else 'MD5'} {found[:12]}... instead of {expected[:12]}..."
        return None

"""A file of the catalogue, known by its content."""

from dataclasses import dataclass
from pathlib import Path

from hpsearch.training.data.cache import hash_file


@dataclass(frozen=True)
class PinnedFile:
    """One file as it lies in the cache: its name, its length and the SHA-256 of its bytes."""

    name: str
    size_bytes: int
    sha256: str

    @property
    def compressed_name(self) -> str:
        """The name under which it is offered for download: with `.gz`, unless it is kept compressed anyway."""
        return self.name if self.name.endswith(".gz") else f"{self.name}.gz"

    def describe_fault(self, path: Path) -> str | None:
        """What is wrong with the file at `path`; None when it is there and whole."""
        if not path.is_file():
            return "is missing"
        size_bytes = path.stat().st_size
        if size_bytes != self.size_bytes:
            return f"has {size_bytes:,} bytes instead of {self.size_bytes:,}"
        if (sha256 := hash_file(path)) != self.sha256:
            return f"has the SHA-256 {sha256[:12]}... instead of {self.sha256[:12]}..."
        return None

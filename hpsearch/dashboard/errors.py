"""What the dashboard refuses, whoever asks."""

from hpsearch.errors import HpsearchError


class EditRefusedError(HpsearchError):
    """Something that only hpsearch's own commands and workers write."""

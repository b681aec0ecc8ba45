"""Whether what was written keeps to the limits that the study was given: measured, not counted."""

from collections.abc import Mapping
from typing import Any

from hpsearch.network.limits import Limits, format_limit


def list_excesses(limits: Limits, facts: Mapping[str, Any]) -> list[str]:
    """What is over a limit, a sentence each; none as a rule, for networks are solved within them.

    Args:
        limits: Of the study.
        facts: What the manifest says under `tflite`: the size of the file in int8, and the head of the arena where
            TensorFlow Lite Micro has run it.
    """
    measured = {
        "flash": ("model-int8.tflite without its metadata is", facts["file_int8_bytes_without_metadata"]),
        "ram": ("the arena in TensorFlow Lite Micro has a head of", facts.get("micro", {}).get("arena_head_bytes", 0)),
    }
    return [
        f"{what} {value:,} bytes, over --{name} {format_limit(name, limit)}: give the search a smaller limit"
        for name, limit in limits.named.items()
        if name in measured
        for what, value in [measured[name]]
        if value > limit
    ]

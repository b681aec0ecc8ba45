"""Search spaces that were written before some parameters were there, completed to mean what they meant."""

from collections.abc import Mapping
from typing import Any

from hpsearch.study.search_space import Choices

_ADDED = {
    "blocks_last": Choices(values=("same",)),
    "pool_place": Choices(values=("last",)),
    "width_multiple": Choices(values=(1,)),
}
"""What was so for every CNN before it could be searched."""


def complete_space(arch: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    """A space as it is stored, with what it lacks because its family had no such parameter when it was written."""
    distributions = space.get("distributions")
    if arch != "cnn" or not isinstance(distributions, Mapping):
        return dict(space)
    missing = {name: added.model_dump(mode="json") for name, added in _ADDED.items() if name not in distributions}
    return {**space, "distributions": {**distributions, **missing}}

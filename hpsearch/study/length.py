"""How long a search is: a time that it plans itself to, rounds, or trials of so many epochs."""

from typing import Any, Literal, get_args

from pydantic import ValidationError

from hpsearch.durations import parse_duration
from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch
from hpsearch.study.round_plan import RoundPlan

PrunerName = Literal["asha", "hyperband", "median", "none"]

DEFAULT_TIME: dict[Arch, int] = {"fcn": 240, "cnn": 900}
"""Seconds that a search plans itself to, where nobody says how many trials of how many epochs it is to have."""
DEFAULT_TRIALS: dict[Arch, int] = {"fcn": 20, "cnn": 16}
DEFAULT_EPOCHS: dict[Arch, int] = {"fcn": 20, "cnn": 12}
"""Of a study that names either trials or epochs, and not the other."""


def settle_length(arch: Arch, given: dict[str, Any]) -> dict[str, Any]:
    """Whether a study's length is a time, or trials and epochs; rounds that are planned have both."""
    filled = dict(given)
    pinned = [name for name in ("trials", "epochs") if given.get(name) is not None]
    if given.get("round_plan") is not None:
        said = [*pinned, *(["time"] if given.get("time") is not None else [])]
        if said and isinstance(given["round_plan"], list | tuple):  # a person's form; a spec that was written has all
            raise InputError(f"round_plan says how long a search is, and so does {' and '.join(said)}: leave one out")
        filled["pruner"] = _settle_pruner(given)
        return filled | _read_lengths(given["round_plan"])
    if given.get("time") is None:
        is_classic = pinned or given.get("pruner") is not None or given.get("sampler") == "grid"
        filled["time"] = None if is_classic else DEFAULT_TIME[arch]
    elif pinned and "round_plan" not in given:  # a spec that was written down has all of them
        raise InputError(
            f"time and {' and '.join(pinned)} are both given: a time plans trials and epochs itself, "
            "so leave either --time or --trials and --epochs out"
        )
    elif isinstance(given["time"], str):
        filled["time"] = max(1, round(parse_duration(given["time"], "--time")))
    if filled["time"] is not None:
        filled["pruner"] = _settle_pruner(given)
        if given.get("sampler") == "grid":
            raise InputError("sampler grid walks through all its points whatever time that takes: leave --time out")
    return filled


def _read_lengths(plan: Any) -> dict[str, int]:
    """Trials and epochs as rounds have them; nothing where they cannot be read, which pydantic says better."""
    try:
        read = RoundPlan.model_validate(plan)
    except ValidationError:
        return {}
    return {"trials": read.trials, "epochs": max(part.epochs for part in read.rounds)}


def _settle_pruner(given: dict[str, Any]) -> str:
    pruner: str = given.get("pruner") or "none"
    if pruner in get_args(PrunerName) and pruner != "none":
        raise InputError(
            f"pruner {pruner} does not go with rounds, which decide themselves what goes on: "
            "leave --pruner out, or give --trials and --epochs"
        )
    return pruner

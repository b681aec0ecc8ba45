"""A curve that was trained again beside the stored one."""

from typing import TYPE_CHECKING, Any

from hpsearch.views.screen import write_json
from hpsearch.views.search import format_accuracy
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.export.replay import Replay, ReplayedEpoch
    from hpsearch.tuning.records import TrialRecord


def describe_epoch(epoch: "ReplayedEpoch") -> str:
    """A line of the table."""
    stored, now = epoch.stored, epoch.replayed
    line = (
        f"{stored.epoch + 1:5}  {format_accuracy(stored.validation_accuracy):>17}"
        f"  {format_accuracy(now.validation_accuracy):>8}"
        f"  {stored.train_loss:17.5f}  {now.train_loss:8.5f}"
    )
    return line + ("" if epoch.is_equal else "  differs")


def _measure_difference(epoch: "ReplayedEpoch") -> float:
    """In validation accuracy; 0 where nothing is validated."""
    return abs((epoch.stored.validation_accuracy or 0.0) - (epoch.replayed.validation_accuracy or 0.0))


def conclude_replay(
    console: "Console | None", trial: "TrialRecord", replay: "Replay", epochs: "list[ReplayedEpoch]"
) -> bool:
    """Write whether all is equal, as JSON where there is no console; and give it."""
    equal = [epoch.is_equal for epoch in epochs]
    weights = replay.has_equal_weights()
    differences = replay.find_differences()
    is_equal = all(equal) and len(epochs) == len(trial.curve) and weights is not False
    if console is None:
        document: dict[str, Any] = {
            "trial": trial.number,
            "is_equal": is_equal,
            "weights_equal": weights,
            "failure": replay.failure,
            "epochs": [
                {"stored": vars(epoch.stored), "replayed": vars(epoch.replayed), "is_equal": epoch.is_equal}
                for epoch in epochs
            ],
            "differences": {name: {"then": then, "now": now} for name, (then, now) in differences.items()},
        }
        write_json(document)
        return is_equal
    console.print()
    if replay.failure is not None:
        console.print(f"training ended: {replay.failure}", soft_wrap=True)
    if is_equal:
        what = "the curve" if weights is None else "the curve and the weights"
        console.print(
            f"equal to the last bit: {what}, {count_of(len(epochs), 'epoch')}", style="bold green", soft_wrap=True
        )
    else:
        largest = max(map(_measure_difference, epochs), default=0.0)
        by = f", in validation accuracy by up to {100 * largest:.2f} points" if largest > 0 else ""
        console.print(
            f"not equal: {equal.count(False)} of {len(trial.curve)} epochs differ{by}",
            style="bold red",
            soft_wrap=True,
        )
    for name, (then, now) in differences.items():
        console.print(f"{name}: then {then}, now {now}", soft_wrap=True)
    if not is_equal and not differences:
        console.print("versions, hardware and data are as they were", soft_wrap=True)
    return is_equal

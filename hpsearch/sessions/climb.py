"""Climbing a ladder: search after search, the best of one at the beginning of the next."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hpsearch.sessions.ladder import Rung
from hpsearch.sessions.progress import Progress
from hpsearch.sessions.session import Session
from hpsearch.sessions.stopping import Stopping

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.warm_start import Predecessor


def climb(
    sessions: Sequence[Session], progress: Progress, stopping: Stopping, announce: Callable[[str], None]
) -> list[Rung]:
    """Search rung after rung, each beginning with the best of the one below; what there is when something ends it.

    Args:
        sessions: A search each, small ones first.
        progress: Hears what happens.
        stopping: Says whether to stop.
        announce: Hears of each rung as it begins.

    Raises what `Session.run` raises; the rungs below stay as they are.
    """
    rungs: list[Rung] = []
    for number, session in enumerate(sessions, start=1):
        spec = session.request.spec
        announce(f"rung {number} of {len(sessions)}: {spec.arch} of {spec.limits.describe()}")
        below = [rung.record for rung in rungs if rung.record.study.spec.arch == spec.arch]
        result = session.run(progress, stopping, predecessor=hand_up(below[-1]) if below else None)
        rungs.append(Rung(result.record, result.ending, result.seconds))
        if result.ending in ("interrupted", "study-stopped"):
            break
    return rungs


def hand_up(below: "StudyRecord") -> "Predecessor":
    """The rung below, for the next to begin with its best: the solver gives their shapes the next one's widths.

    A rung that exists goes on as it was made.
    """
    from hpsearch.tuning.warm_start import Predecessor

    return Predecessor(below.study.name, lambda: below, is_asked=False)

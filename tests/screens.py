"""Every screen of the terminal on made-up studies, at the widths of terminals and through a pipe.

`python -m tests.screens` writes them to tests/screens/, where a test compares; look at what changed.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from hpsearch.cli.options import StorageChoice
from hpsearch.sessions.how_far import measure_progress
from hpsearch.sessions.ladder import Rung
from hpsearch.storage.stored_rows import LeaseRecord
from hpsearch.tuning.finalists import summarize_finalists
from hpsearch.tuning.plan_summary import summarize_plan
from hpsearch.tuning.records import StudyRecord
from hpsearch.tuning.status import HeldTrial, Pace, StudyStatus
from hpsearch.tuning.study import UnreadableStudy
from hpsearch.views.finalists import show_final
from hpsearch.views.ladder import show_rungs
from hpsearch.views.planned_table import show_plan_summary
from hpsearch.views.result import Ending, Outcome, show_outcome
from hpsearch.views.search import draw_study
from hpsearch.views.status import draw_status
from hpsearch.views.studies import show_list, show_study, show_trial
from tests.cli_runs import make_record
from tests.report_studies import make_done, make_finalists, make_planned, score

FOLDER = Path(__file__).parent / "screens"
WIDTHS = {"80": 80, "100": 100, "160": 160}
PIPE_WIDTH = 120
"""What `hpsearch.views.screen` takes where there is no terminal."""

_CNN = "stem 32 3x3, 2 x 64 residual 3x3 max, 2 x 128 residual 3x3, global average pooling, relu, batch norm"
_NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_STORAGE = StorageChoice("sqlite:///hpsearch.db", is_flag=False)


def _make_search() -> StudyRecord:
    shipped = "portfolio, cnn-residual"
    trials = (
        score(
            make_done(0, 0.9241, weights=99_914, macs=5_341_696, network=_CNN, given_by=shipped, seconds=320.0), 0.9177
        ),
        make_done(1, 0.9187, weights=98_120, macs=12_341_696, network=_CNN, seconds=411.0),
        make_done(2, 0.8961, "PRUNED", weights=99_001, macs=3_341_696, network=_CNN, seconds=88.0),
    )
    return make_record(*trials, trials=3, name="fashion-mnist-cnn-100k", budget="100k")


SEARCH = _make_search()
RUNNING = replace(
    SEARCH,
    trials=(
        *SEARCH.trials[:2],
        replace(
            SEARCH.trials[2],
            state="RUNNING",
            lease=LeaseRecord("host-of-a-long-name-4711", "cuda:0", 1, 3, 0.8812, is_live=True),
        ),
    ),
)


def _show_list(console: Console) -> None:
    long = replace(
        SEARCH, study=replace(SEARCH.study, name="a-study-with-a-name-that-is-as-long-as-a-name-may-be-and-so-on")
    )
    broken = UnreadableStudy(
        "old", "study 'old' in sqlite:///hpsearch.db cannot be read: hpsearch delete old removes it"
    )
    show_list(console, [SEARCH, long], [broken])


def _show_finalists(console: Console) -> None:
    final = make_finalists(SEARCH)
    show_final(console, SEARCH, final, summarize_finalists(SEARCH, final), 65.0)


def _show_outcome(ending: Ending, record: StudyRecord) -> Callable[[Console], None]:
    outcome = Outcome(ending, record, 905.0, "hpsearch run --budget 100k --arch cnn", lambda command: command)
    return lambda console: show_outcome(console, outcome)


def _show_status(console: Console) -> None:
    held = HeldTrial(2, "host-of-a-long-name-4711", "cuda:0", 1, 4, 12, 0.8812, True, 3.0, 27.0)
    pace = Pace(1800.0, 4.0, 48.0)
    console.print(
        draw_status(StudyStatus(RUNNING, _NOW + timedelta(hours=1), (held,), pace, 1, 2), _STORAGE.complete_command)
    )


def _show_ladder(console: Console) -> None:
    show_rungs(console, [Rung(SEARCH, "finished", 905.0), Rung(RUNNING, "time-up", 300.0)])


SCREENS: dict[str, Callable[[Console], None]] = {
    "list": _show_list,
    "list-empty": lambda console: show_list(console, [], []),
    "show": lambda console: show_study(console, SEARCH),
    "show-trial": lambda console: show_trial(console, SEARCH, SEARCH.trials[0]),
    "finalists": _show_finalists,
    "planned": lambda console: show_plan_summary(console, summarize_plan(make_planned()), 65.0),
    "run-finished": _show_outcome("finished", SEARCH),
    "run-interrupted": _show_outcome("interrupted", RUNNING),
    "run-live": lambda console: console.print(draw_study(RUNNING, measure_progress(RUNNING, 2), 65.0)),
    "status": _show_status,
    "ladder": _show_ladder,
}


def draw_screen(name: str, width: int) -> str:
    """A screen as text."""
    file = io.StringIO()
    SCREENS[name](Console(file=file, width=width, markup=False, highlight=False, emoji=False, color_system=None))
    return file.getvalue()


def name_files() -> dict[str, tuple[str, int]]:
    """The screen and the width of each file."""
    widths = WIDTHS | {"pipe": PIPE_WIDTH}
    return {f"{name}-{width}.txt": (name, columns) for name in SCREENS for width, columns in widths.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, (name, columns) in name_files().items():
        (FOLDER / file).write_text(draw_screen(name, columns), encoding="utf-8")

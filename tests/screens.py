"""Every screen of the terminal on made-up studies, at the widths of terminals and through a pipe.

`python -m tests.screens` writes them to tests/screens/, where a test compares; look at what changed.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace as Namespace

from rich.console import Console

from hpsearch.cli.flags import StorageChoice
from hpsearch.epoch_result import EpochResult
from hpsearch.export.bundle_evaluation import BundleEvaluation
from hpsearch.export.classifier import Measures
from hpsearch.export.replay import ReplayedEpoch
from hpsearch.network.architecture import FcnArchitecture
from hpsearch.sessions.datasets import list_datasets
from hpsearch.sessions.hardware import Hardware
from hpsearch.sessions.how_far import measure_progress
from hpsearch.sessions.ladder import Rung
from hpsearch.sessions.planned_forecast import PlannedForecast
from hpsearch.sessions.preparation import identify_dataset
from hpsearch.sessions.search_forecast import Example, SearchForecast
from hpsearch.storage.stored_rows import LeaseRecord
from hpsearch.study.feasibility import FittedSpace
from hpsearch.study.file import parse_study_spec, read_study_text
from hpsearch.study.plan_file import parse_plan_file
from hpsearch.study.recipe import Recipe
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data import Inspection
from hpsearch.tuning.finalists import summarize_finalists
from hpsearch.tuning.plan_summary import summarize_plan
from hpsearch.tuning.records import StudyRecord
from hpsearch.tuning.status import HeldTrial, Pace, StudyStatus
from hpsearch.tuning.study import UnreadableStudy
from hpsearch.views.bundles import show_evaluation
from hpsearch.views.datasets import draw_listings, show_classes
from hpsearch.views.finalists import show_final
from hpsearch.views.ladder import show_rungs
from hpsearch.views.planned_forecast import show_planned_forecast
from hpsearch.views.planned_table import show_plan_summary
from hpsearch.views.replay import conclude_replay, describe_epoch
from hpsearch.views.result import Ending, Outcome, show_outcome
from hpsearch.views.search import draw_study
from hpsearch.views.search_forecast import show_search_forecast
from hpsearch.views.status import draw_status
from hpsearch.views.studies import show_list, show_study, show_trial
from hpsearch.views.trained import show_trainings
from tests.cli_runs import make_record
from tests.report_studies import make_done, make_finalists, make_planned, score

FOLDER = Path(__file__).parent / "screens"
WIDTHS = (80, 120, 160)
"""Of terminals; the middle one is what `hpsearch.views.screen` takes where there is none."""
SAME_AT_ALL = frozenset({"data-fetch", "evaluate", "list-empty", "planned", "replay", "run-interrupted", "train"})
"""Screens kept once."""

FASHION = identify_dataset("fashion-mnist", Path("nowhere"), lambda _step: None)
STUDIES = Path(__file__).parents[1] / "studies"
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


def _make_config(depth: int) -> TrialConfig:
    widths = {1: (125,), 2: (110, 110)}[depth]
    return TrialConfig(
        architecture=FcnArchitecture(widths=widths, activation="relu", batch_norm=True),
        recipe=Recipe(epochs=20),
        dataset=FASHION,
        seed=0,
        budget=100_000,
    )


def _show_plan(console: Console) -> None:
    _name, spec = parse_study_spec({"budget": "100k", "arch": "fcn", "trials": 20, "epochs": 20})
    hardware = Hardware("cpu", "cpu", "AMD EPYC", 2)
    fitted = FittedSpace(spec.space, {"depth": (5, 6)}, {"depth": "the smallest has 101,000 weights"})
    examples = tuple(Example(depth, _make_config(depth), 2.1) for depth in (1, 2))
    show_search_forecast(console, SearchForecast(spec, FASHION, hardware, fitted, examples))


def _show_planned_forecast(console: Console) -> None:
    planned = parse_plan_file(read_study_text(STUDIES / "example-plan.toml"))
    plan = planned.make_plan(FASHION)
    seconds = dict.fromkeys(plan.configs, 3.2)
    hardware = Hardware("cpu", "cpu", "AMD EPYC", 2)
    show_planned_forecast(console, PlannedForecast(planned, plan, FASHION, hardware, seconds))


def _show_evaluation(console: Console) -> None:
    bundle = Namespace(path=Path("exports/fashion-mnist-fcn-100k-trial-7"), config=_make_config(2), manifest={})
    confusion = tuple(tuple(90 if label == said else 1 + said % 2 for said in range(10)) for label in range(10))
    images = sum(map(sum, confusion))
    measures = Measures(images, 900, 0.3127, confusion)
    shown = BundleEvaluation(bundle, "model.safetensors", "fashion-mnist", "ab" * 32, True, "validation", measures)  # type: ignore[arg-type]
    show_evaluation(console, shown)


def _show_replay(console: Console) -> None:
    trial = SEARCH.trials[0]
    stored = [EpochResult(epoch, 0.5 - epoch / 10, 0.4, 0.9 + epoch / 100, 26.0, 0.001) for epoch in range(3)]
    epochs = [ReplayedEpoch(point, replace(point, train_loss=0.5) if point.epoch == 2 else point) for point in stored]
    for epoch in epochs:
        console.print(describe_epoch(epoch))
    differences = {"torch": ("2.14.1", "2.15.0")}
    outcome = Namespace(failure=None, has_equal_weights=lambda: False, find_differences=lambda: differences)
    conclude_replay(console, replace(trial, curve=tuple(stored)), outcome, epochs)  # type: ignore[arg-type]


def _show_data(console: Console) -> None:
    console.print(draw_listings(list_datasets(Path("nowhere"))))


def _show_inspection(console: Console) -> None:
    classes = (("cat", 120, 12, 30), ("a class of a long name that somebody gave it", 80, 8, 20))
    show_classes(console, Inspection(FASHION, classes, ("270 images: 200 JPEG, 70 PNG", "3 copies of others")))


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
    "plan": _show_plan,
    "plan-file": _show_planned_forecast,
    "train": lambda console: show_trainings(console, make_planned(), "hpsearch export train-1a2b3c4d"),
    "evaluate": _show_evaluation,
    "replay": _show_replay,
    "data-list": _show_data,
    "data-fetch": _show_inspection,
}


def draw_screen(name: str, width: int) -> str:
    """A screen as text."""
    file = io.StringIO()
    SCREENS[name](Console(file=file, width=width, markup=False, highlight=False, emoji=False, color_system=None))
    return file.getvalue()


def name_files() -> dict[str, tuple[str, tuple[int, ...]]]:
    """The screen of each file, and the widths at which it looks so."""
    files: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name in SCREENS:
        if name in SAME_AT_ALL:
            files[f"{name}.txt"] = (name, WIDTHS)
        else:
            files |= {f"{name}-{columns}.txt": (name, (columns,)) for columns in WIDTHS}
    return files


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, (name, widths) in name_files().items():
        (FOLDER / file).write_text(draw_screen(name, widths[0]), encoding="utf-8")

"""Accuracy against wall time of default searches, as a picture and a table: what a second minute buys, and a fifteenth.

Reads studies that `hpsearch run --budget B --arch A` made (and no other files): of every epoch of every trial, the
moment at which it ended and its validation accuracy. The line is the highest that any training had reached by then,
the mark the result with its test accuracy. Time counts from the first training's start: measuring, and the data set,
take half a minute before that.

    python benchmarks/accuracy_over_time.py STORAGE [STORAGE ...] [--picture accuracy_over_time.png]
"""

import argparse
import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hpsearch.errors import HpsearchError
from hpsearch.reporting.canvas import make_figure, styled, write_png
from hpsearch.sessions.opening import open_study
from hpsearch.storage.database import Database
from hpsearch.tuning.records import StudyRecord, TrialRecord, read_study_record
from hpsearch.tuning.study import list_study_names

SHOWN_MINUTES = (1, 2, 4, 8, 15)
COLOURS = {10_000: "#8c2d04", 20_000: "#d94801", 50_000: "#238b45", 100_000: "#2171b5", 200_000: "#54278f"}


@dataclass(frozen=True)
class Run:
    """One search: how high it was after how long."""

    arch: str
    budget: int
    steps: tuple[tuple[float, float], ...]
    """Seconds since the first training began, and the highest validation accuracy (fraction) of any epoch by then."""
    seconds: float
    validation: float
    test: float | None

    def reached_by(self, seconds: float) -> float | None:
        """None before the first epoch, and after the search was over."""
        if seconds > self.seconds + 60:
            return None
        return max((accuracy for moment, accuracy in self.steps if moment <= seconds), default=None)


def list_epochs(trial: TrialRecord, beginning: datetime) -> list[tuple[float, float]]:
    """Seconds since the beginning, and the accuracy, of a finished trial's epochs.

    Epochs are laid end to end up to the trial's end: what it took before its first one is at its start.
    """
    if trial.started_at is None or trial.finished_at is None:
        return []
    end = (trial.finished_at - beginning) / timedelta(seconds=1)
    epochs, left = [], sum(point.seconds for point in trial.curve)
    for point in trial.curve:
        left -= point.seconds
        if point.validation_accuracy is not None:
            epochs.append((end - left, point.validation_accuracy))
    return epochs


def measure_run(record: StudyRecord) -> Run | None:
    """None of a study that has come to nothing yet, or has no budget."""
    starts = [trial.started_at for trial in record.trials if trial.started_at is not None]
    ends = [trial.finished_at for trial in record.trials if trial.finished_at is not None]
    best, spec = record.best, record.study.spec
    if best is None or best.value is None or spec.budget is None:
        return None
    beginning, highest, steps = min(starts), 0.0, []
    for moment, accuracy in sorted(epoch for trial in record.trials for epoch in list_epochs(trial, beginning)):
        if accuracy > highest:
            highest = accuracy
            steps.append((moment, accuracy))
    seconds = (max(ends) - beginning) / timedelta(seconds=1)
    return Run(spec.arch, spec.budget, tuple(steps), seconds, best.value, best.test_accuracy)


def read_runs(storages: list[str]) -> list[Run]:
    runs: list[Run] = []
    for storage in storages:
        with Database.open(storage) as database:
            names = list_study_names(database)
        for name in names:
            with open_study(storage, name) as study:
                if (run := measure_run(read_study_record(study))) is not None:
                    runs.append(run)
    return sorted(runs, key=lambda run: (run.arch, run.budget))


def draw_picture(runs: list[Run]) -> bytes:
    """A panel a family, a colour a budget, minutes on a logarithmic axis."""
    archs = sorted({run.arch for run in runs})
    figure = make_figure(4.6 * len(archs), 3.8)
    for axes, arch in zip(figure.subplots(1, len(archs), squeeze=False)[0], archs, strict=True):
        named: set[int] = set()
        for run in (run for run in runs if run.arch == arch):
            minutes = [moment / 60 for moment, _accuracy in run.steps] + [run.seconds / 60]
            percents = [100 * accuracy for _moment, accuracy in run.steps]
            colour = COLOURS.get(run.budget, "#666666")
            label = None if run.budget in named else f"{run.budget:,} weights"
            named.add(run.budget)
            axes.step(minutes, [*percents, percents[-1]], where="post", color=colour, linewidth=1.2, label=label)
            if run.test is not None:
                axes.plot([run.seconds / 60], [100 * run.test], marker="o", markersize=4, color=colour)
        reached = [100 * run.validation for run in runs if run.arch == arch]
        tested = [100 * run.test for run in runs if run.arch == arch and run.test is not None]
        axes.set_ylim(min(reached + tested) - 4, max(reached + tested) + 0.5)
        axes.set_xscale("log")
        longest = max(run.seconds for run in runs if run.arch == arch) / 60
        ticks = [tick for tick in (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60) if tick <= 1.1 * longest]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(left=ticks[0])
        axes.set_xlabel("minutes since the first training began")
        axes.set_ylabel("accuracy (%)")
        axes.set_title(f"{arch.upper()}: validation, and the test split at the end (dots)")
        axes.grid(visible=True)
        axes.legend(loc="lower right", frameon=False)
    return write_png(figure)


def write_table(runs: list[Run]) -> str:
    """Medians a family and budget: validation accuracy after so many minutes, and at the end."""
    groups: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.arch, run.budget].append(run)
    columns = [f"{minutes} min" for minutes in SHOWN_MINUTES]
    lines = [
        f"| arch | budget | n | {' | '.join(columns)} | took | at the end | test (all) |",
        f"|---|---|---|{'---|' * len(columns)}---|---|---|",
    ]
    for (arch, budget), group in sorted(groups.items()):
        cells = [arch, f"{budget:,}", str(len(group))]
        for minutes in SHOWN_MINUTES:
            reached = [accuracy for run in group if (accuracy := run.reached_by(60 * minutes)) is not None]
            cells.append(f"{100 * statistics.median(reached):.2f}" if reached else "")
        tests = [run.test for run in group if run.test is not None]
        cells.append(f"{statistics.median(run.seconds for run in group):.0f} s")
        cells.append(f"{100 * statistics.median(run.validation for run in group):.2f}")
        shown = ", ".join(f"{100 * test:.2f}" for test in tests)
        cells.append(f"{100 * statistics.median(tests):.2f} ({shown})" if tests else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storages", nargs="+", metavar="STORAGE", help="a database URL, or a SQLite file")
    parser.add_argument("--picture", type=Path, default=Path("accuracy_over_time.png"))
    arguments = parser.parse_args()
    try:
        runs = read_runs(arguments.storages)
    except HpsearchError as error:
        parser.error(str(error))
    if not runs:
        parser.error("no study there has a result and a budget in weights")
    with styled():
        arguments.picture.write_bytes(draw_picture(runs))
    print(write_table(runs))


if __name__ == "__main__":
    main()

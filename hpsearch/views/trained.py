"""What came of training one configuration."""

from typing import TYPE_CHECKING, Any

from hpsearch.reporting.measured import describe_example
from hpsearch.reporting.record_words import list_failures
from hpsearch.sessions.documents import describe_result, describe_spread

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.records import StudyRecord


def _measure(record: "StudyRecord") -> tuple[Any, Any]:
    from hpsearch.tuning.finalists import Spread

    complete = [trial for trial in record.trials if trial.state == "COMPLETE"]
    values = [trial.value for trial in complete if trial.value is not None]
    return Spread.measure(values), Spread.measure([t.test_accuracy for t in complete if t.test_accuracy is not None])


def describe_trainings(record: "StudyRecord") -> dict[str, Any]:
    """The same as a JSON document."""
    validation, test = _measure(record)
    return {
        "study": record.study.name,
        "trains_on": record.study.trains_on,
        "is_finished": record.is_finished,
        "trials": [describe_result(trial) for trial in record.trials],
        "validation": describe_spread(validation),
        "test": describe_spread(test),
    }


def show_trainings(console: "Console", record: "StudyRecord", export: str) -> None:
    """Write what came of them; `export` is the command that takes the network away."""
    from hpsearch.reporting.words import write_spread

    validation, test = _measure(record)
    count = record.counts["COMPLETE"]
    console.print()
    console.print(f"{count} of {record.trials_wanted} trainings are complete", style="bold", soft_wrap=True)
    for failure in list_failures(record):
        console.print(f"failed: {failure}", soft_wrap=True)
    over = ", mean ± standard deviation over seeds" if count > 1 else ""
    known = f"{write_spread(validation)}%{over}"
    unknown = f"cannot be known: trained on {record.study.trains_on}"
    console.print(f"validation  {known if record.study.is_validated else unknown}", soft_wrap=True)
    if (measure := describe_example(record)) is not None:
        console.print(measure, style="dim", soft_wrap=True)
    if test is not None:
        console.print(f"test        {write_spread(test)}%; the test split was opened once, at the end", soft_wrap=True)
    if not record.is_finished:
        console.print("\nNot all are trained; the same command goes on.", soft_wrap=True)
    elif count:
        console.print("\nNext")
        console.print(f"  {export}", style="cyan", soft_wrap=True)

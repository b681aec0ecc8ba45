"""What came of finalists, as a table and in sentences."""

from typing import TYPE_CHECKING

from hpsearch.reporting.record_words import list_failures

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.finalists import Final
    from hpsearch.tuning.records import StudyRecord


def show_final(
    console: "Console", searched: "StudyRecord", final: "StudyRecord", summary: "Final", seconds: float
) -> None:
    """Write the table and what it means."""
    from hpsearch.durations import format_duration
    from hpsearch.reporting.finalist_words import conclude, has_int8, list_cells
    from hpsearch.views.tables import make_table

    console.print()
    console.print(f"Finalists of {searched.study.name}", style="bold", soft_wrap=True)
    headings = ("finalist", "seeds>", "in the search>", "retrained>", "95% interval>", "too much>")
    scores = ("in int8>", "test>") if has_int8(summary) else ("test>",)
    table = make_table(*headings, *scores, "weights>", "network/", drops=("weights", "in the search"))
    for finalist in summary.finalists:
        table.add_row(*list_cells(summary, finalist))
    console.print(table)
    console.print(
        "accuracies in %, mean ± standard deviation over seeds, and the 95% interval of the mean",
        style="dim",
        soft_wrap=True,
    )
    if not final.study.is_validated:
        console.print(
            "trained on every image that is not of the test split, so that no validation accuracy can be known; the "
            "order is that of the search",
            soft_wrap=True,
        )
    for failure in list_failures(final):
        console.print(f"failed: {failure}", soft_wrap=True)
    for sentence in conclude(final, summary):
        console.print(sentence, soft_wrap=True)
    console.print(f"\ntime {format_duration(seconds)}", style="dim")

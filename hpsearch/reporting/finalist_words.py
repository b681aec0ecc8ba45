"""What is certain of finalists, in the words that a page and the terminal share."""

from hpsearch.reporting.measured import describe_example
from hpsearch.reporting.words import (
    NOTHING,
    describe_openings,
    write_count,
    write_percent,
    write_points,
    write_spread,
)
from hpsearch.tuning.finalists import PAIRED_TEST, Comparison, Final, Finalist, Spread
from hpsearch.tuning.records import StudyRecord
from hpsearch.wording import count_of


def write_interval(spread: Spread | None) -> str:
    """The 95% interval of a mean, in percent: `74.29 to 99.71`."""
    if spread is None or spread.half_width is None:
        return NOTHING
    return f"{100 * (spread.mean - spread.half_width):.2f} to {100 * (spread.mean + spread.half_width):.2f}"


def has_int8(final: Final) -> bool:
    """Whether one of them was measured in 8 bits as well."""
    return any(finalist.int8 for finalist in final.finalists)


def list_cells(final: Final, finalist: Finalist) -> list[str]:
    """Label, seeds, in the search, retrained, interval, too much, int8 where any has it, test, weights, network."""
    return [
        finalist.label,
        f"{len(finalist.replicates)}{f' ({finalist.failed} failed)' if finalist.failed else ''}",
        write_percent(finalist.trial.value),
        write_spread(finalist.validation),
        write_interval(finalist.validation),
        write_points(finalist.optimism),
        *([write_spread(finalist.int8)] if has_int8(final) else []),
        write_spread(finalist.test),
        write_count(finalist.trial.weights),
        finalist.trial.network or "",
    ]


def conclude(record: StudyRecord, final: Final) -> list[str]:
    """Whether the first is better than the second, and what the test split may not be used for."""
    sentences = [] if final.comparison is None else [_compare(final, final.comparison)]
    if (measure := describe_example(record)) is not None:
        sentences.append(f"{measure[0].upper()}{measure[1:]}.")
    if record.test_openings:
        rule = "choose by the retrained validation accuracy, not by it"
        sentences.append(
            f"The test split was opened {describe_openings(record)}; "
            f"{rule if record.study.is_validated else 'nothing may be selected by it'}."
        )
    return sentences


def _compare(final: Final, comparison: Comparison) -> str:
    first, second = final.finalists[:2]
    if comparison.p_value is None:
        verdict, certainty = "cannot be told from", "too few seeds, or no spread, for a test"
    else:
        better = "is better than" if comparison.mean_difference > 0 else "is worse than"
        verdict = better if comparison.is_distinguishable else "cannot be told from"
        certainty = f"p = {comparison.p_value:.3f}, {PAIRED_TEST}, two-sided"
    where = " of the test split" if comparison.split == "test" else ""
    by = f"{write_points(comparison.mean_difference)} points{where} over {count_of(comparison.pairs, 'seed')}"
    return f"{first.label.capitalize()} {verdict} {second.label}: {by} ({certainty})."

"""What a model card says of a finalist: what all its seeds gave, and why this network of them is in the folder."""

from collections.abc import Mapping
from typing import Any

from hpsearch.markdown import write_table


def write_finalist(manifest: Mapping[str, Any]) -> str:
    """A section of the card.

    Args:
        manifest: With the entry `finalist`: how configuration and replicate were selected, and the spread over seeds.
    """
    finalist = manifest["finalist"]
    text = _describe_validated(finalist) if finalist["validation"] is not None else _describe_unvalidated(finalist)
    head = ("accuracy", "this network:", "mean ± standard deviation:", "95% interval of the mean:", "seeds:")
    rows = [
        _describe_row("validation", manifest["validation_accuracy"], finalist["validation"]),
        _describe_row("test", manifest["test_accuracy"], finalist["test"]),
    ]
    return "\n".join(["## Finalist", "", text, "", *write_table(head, rows)])


def _describe_validated(finalist: Mapping[str, Any]) -> str:
    gap = 100 * finalist["optimism"]
    return (
        f"{_describe_configuration(finalist, 'the highest mean validation accuracy over fresh seeds')} This network is "
        "the one of median validation accuracy among its replicates: not the best, which would promise too much. "
        f"In the search the configuration had {finalist['search_validation_accuracy']:.2%}, {abs(gap):.2f} points "
        f"{'more' if gap >= 0 else 'less'} than its mean over seeds (the optimism gap)."
    )


def _describe_unvalidated(finalist: Mapping[str, Any]) -> str:
    return (
        f"{_describe_configuration(finalist, 'the best validation in the search')} It was trained again "
        "under fresh seeds on every image that is not of the test split, the validation split included, so that no "
        "validation accuracy can be known. This network is its first replicate. "
        f"The {finalist['search_validation_accuracy']:.2%} of the search are those of another network, trained without "
        "the validation split, and the highest of many, which promises too much."
    )


def _describe_configuration(finalist: Mapping[str, Any], why: str) -> str:
    count = finalist["finalists"]
    search = f"the search `{finalist['search']}`"
    failed = f" {finalist['failed']} of its trainings failed." if finalist["failed"] else ""
    text = f"This configuration is trial {finalist['search_trial']} of {search}, its only finalist."
    if count > 1:
        text = f"Of {count} finalists of {search} its trial {finalist['search_trial']} has {why}."
    return f"{text}{failed} The test split selected nothing."


def _describe_row(split: str, mine: float | None, spread: Mapping[str, Any] | None) -> tuple[str, ...]:
    if spread is None:
        return split, "not known", "not known", "", ""
    deviation = "" if spread["sd"] is None else f" ± {100 * spread['sd']:.2f}"
    interval = "" if spread["interval_95"] is None else "{:.2%} to {:.2%}".format(*spread["interval_95"])
    own = "not known" if mine is None else f"{100 * mine:.2f}%"
    return split, own, f"{100 * spread['mean']:.2f}%{deviation}", interval, str(spread["n"])

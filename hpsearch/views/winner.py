"""The winner of finalists, for the commands that show or export the best of a study."""

from typing import TYPE_CHECKING

from hpsearch.views.search import format_accuracy
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from hpsearch.tuning.winner import Winner


def describe_winner(winner: "Winner") -> str:
    """Which configuration and which replicate, and what all its replicates gave."""
    from hpsearch.reporting.words import write_spread

    finalist, study = winner.finalist, winner.record.study
    name, searched = winner.search.study.name, format_accuracy(finalist.trial.value)
    head = f"The winner is {finalist.label} of {name}"
    mine = f"trial {winner.trial.number} of {study.name}"
    if finalist.validation is None:
        return f"{head}, the best there by validation ({searched}); {mine} is its first replicate on {study.trains_on}"
    count = finalist.validation.count
    mean = f"{write_spread(finalist.validation)}% over {count_of(count, 'seed')}"
    return f"{head}, by its mean of {mean} ({searched} there); {mine} is its replicate of median validation accuracy"

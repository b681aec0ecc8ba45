"""The winner of finalists, for the commands that show or export the best of a study."""

from typing import TYPE_CHECKING

from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.winner import Winner


def is_of_finalists(record: "StudyRecord") -> bool:
    """Whether the study trains the finalists of a search."""
    from hpsearch.tuning.finalists import find_search_name

    return find_search_name(record.study) is not None


def load_winner(record: "StudyRecord") -> "Winner":
    """The winner of a study of finalists, or of the finalists of a search.

    Raises:
        InputError: There is none yet; the message says what to type.
    """
    from hpsearch.tuning.winner import find_winner

    return find_winner(record.study.database, record.study.name)


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
    mean = f"{write_spread(finalist.validation)}% over {count} seed{'s' * (count != 1)}"
    return f"{head}, by its mean of {mean} ({searched} there); {mine} is its replicate of median validation accuracy"

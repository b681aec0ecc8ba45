"""A study that was made and is not worked on yet: what it is, and how workers come to it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.sessions.preparation import describe_beginning
from hpsearch.views.status import CompleteCommand

if TYPE_CHECKING:
    from hpsearch.tuning.study import Study


def describe_made(study: "Study") -> list[tuple[str, str]]:
    """What its first trials are."""
    from hpsearch.tuning.records import read_study_record

    return describe_beginning(read_study_record(study))


def list_made(study: "Study", complete: CompleteCommand, facts: Sequence[str]) -> list[str]:
    """What a search is, and how workers come to it."""
    spec = study.spec
    heading = f"{spec.describe_length()}; each a {spec.arch} of {spec.limits.describe()}"
    return [
        *list_commands(study, complete, heading, facts),
        "get the best network, once they are done",
        f"  {complete(f'hpsearch export {study.name}')}",
    ]


def list_commands(study: "Study", complete: CompleteCommand, heading: str, facts: Sequence[str] = ()) -> list[str]:
    """What was made, and how workers come to it."""
    where = "on this machine" if study.database.path is not None else "on any machine that reaches the database"
    return [
        f"study {study.name} {'is made' if study.is_new else 'exists already'}: {heading}",
        *facts,
        "",
        f"start workers {where}, as many as you like",
        f"  {complete(f'hpsearch worker {study.name}')}",
        "see how far they are",
        f"  {complete(f'hpsearch status {study.name}')}",
    ]

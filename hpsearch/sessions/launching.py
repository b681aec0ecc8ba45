"""Before a scheduler is handed workers of a study: that there is work, and room for so many connections."""

from typing import TYPE_CHECKING

from hpsearch.engines.launching import CONNECTIONS_A_WORKER, LaunchOrder
from hpsearch.errors import InputError, StorageError
from hpsearch.sessions.session import check_is_open

if TYPE_CHECKING:
    from hpsearch.storage.database import Database


def check_launch(url: str, order: LaunchOrder, *, pooled: bool) -> str:
    """Find out that there is work, and room for so many workers; what to say of it.

    Args:
        url: The database's, as the workers have it.
        order: What is asked for.
        pooled: Whether a pooler is before the database, whose connections are then not counted.

    Raises:
        InputError: The study is in a file, unknown, or finished.
        StudyStoppedError: Somebody stopped the study.
        StorageError: The database failed, or has too few connections left.
    """
    from hpsearch.storage.database import Database
    from hpsearch.storage.url import is_sqlite, parse_storage_url
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study

    if is_sqlite(parse_storage_url(url)):
        raise InputError(
            "workers of other machines do not reach a SQLite file: put the study into a PostgreSQL "
            "(hpsearch backup, then hpsearch restore)"
        )
    with Database.open(url, check=False) as database:
        record = read_study_record(load_study(database, order.study))
        if record.is_finished:
            raise InputError(
                f"study {order.study!r} is finished, there is nothing to work on: "
                f"hpsearch resume {order.study} --trials +N asks for more"
            )
        check_is_open(record)
        left = record.trials_wanted - record.finished_count
        return f"{left} trials are left; {_check_room(database, order, pooled=pooled)}"


def _check_room(database: "Database", order: LaunchOrder, *, pooled: bool) -> str:
    from hpsearch.storage.connection_room import read_connection_room

    needed = CONNECTIONS_A_WORKER * order.workers
    room = None if pooled else read_connection_room(database)
    if room is None:
        return f"{order.workers} workers open up to {needed} connections to the pooler"
    if needed > room.free:
        raise StorageError(
            f"{order.workers} workers open up to {needed} connections, and the database has {room.free} of "
            f"{room.maximum} left: give --workers {max(1, room.free // CONNECTIONS_A_WORKER)}, raise max_connections "
            f"to {needed + room.taken + 10}, or put a pooler before it and say --pooled"
        )
    return f"{order.workers} workers open up to {needed} connections, of {room.free} that the database has left"

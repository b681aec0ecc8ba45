"""What an engine does for a study when it learns that workers were lost through no fault of their trials."""

from hpsearch.storage import lost_workers
from hpsearch.storage.database import Database
from hpsearch.tuning.study import load_study


def free_lost_trials(storage_url: str, study: str, worker: str, reason: str) -> list[int]:
    """Give back what lost workers held, without counting their deaths; doing so again does nothing.

    Args:
        storage_url: Where the study is.
        study: Its name.
        worker: A worker's name, or `@PLACE` for all those that were started there.
        reason: Why they are gone.

    Returns:
        The numbers of the trials that go on elsewhere for it.

    Raises:
        StorageError: The database failed.
    """
    with Database.open(storage_url, check=False) as database:
        opened = load_study(database, study)
        with database.transaction(claims_of=opened.study_id) as connection:
            return lost_workers.free_lost_trials(connection, opened.study_id, worker, reason)

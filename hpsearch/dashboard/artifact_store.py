"""The files of trials, from the blob table; they are written by workers alone."""

import io
from typing import BinaryIO

from optuna.artifacts.exceptions import ArtifactNotFound

from hpsearch.dashboard.errors import EditRefusedError
from hpsearch.storage.artifacts import read_artifact
from hpsearch.storage.database import Database


class DatabaseArtifactStore:
    """Optuna's protocol of an artifact store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The content of an artifact.

        Raises:
            ArtifactNotFound: There is none of this id.
            StorageError: The database failed.
        """
        with self._database.transaction() as connection:
            content = read_artifact(connection, artifact_id)
        if content is None:
            raise ArtifactNotFound(f"there is no artifact {artifact_id!r}")
        return io.BytesIO(content)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Refused."""
        raise EditRefusedError("the dashboard stores no artifacts")

    def remove(self, artifact_id: str) -> None:
        """Refused."""
        raise EditRefusedError("the dashboard removes no artifacts")

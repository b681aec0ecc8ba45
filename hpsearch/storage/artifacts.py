"""Artifacts: files of a trial as Optuna's dashboard shows them, their bytes in the blob table.

Optuna lists a trial's artifacts in its system attributes, a JSON object under `artifacts:<id>` each, and lets them be
added while the trial runs. Both are written here in the transaction that finishes the trial.
"""

import hashlib
import json
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hpsearch.storage.blobs import write_blobs
from hpsearch.storage.optuna_rows import write_system_attribute
from hpsearch.storage.tables import blobs

_KIND = "artifact:"
_ATTRIBUTE = "artifacts:"
"""Optuna's own prefix of the system attributes that list artifacts."""


@dataclass(frozen=True)
class Artifact:
    """A file that is shown beside a trial."""

    filename: str
    """Its ending says what it is."""
    content: bytes


def write_artifacts(connection: sa.Connection, study_id: int, trial_id: int, artifacts: Sequence[Artifact]) -> None:
    """Attach files to a trial; one of the same name is replaced."""
    for artifact in artifacts:
        artifact_id = hashlib.sha256(f"{study_id}/{trial_id}/{artifact.filename}".encode()).hexdigest()[:32]
        mimetype, encoding = mimetypes.guess_type(artifact.filename)
        described = {
            "artifact_id": artifact_id,
            "filename": artifact.filename,
            "mimetype": mimetype or "application/octet-stream",
            "encoding": encoding,
        }
        # As text: Optuna encodes the object twice.
        write_system_attribute(connection, trial_id, _ATTRIBUTE + artifact_id, json.dumps(described))
        write_blobs(connection, study_id, trial_id, {_KIND + artifact_id: artifact.content})


def find_artifact_id(attributes: Mapping[str, Any], filename: str) -> str | None:
    """The id of the file of this name, from a trial's system attributes; None where it has none."""
    for key, text in attributes.items():
        if key.startswith(_ATTRIBUTE):
            described = json.loads(text)
            if described["filename"] == filename:
                artifact_id: str = described["artifact_id"]
                return artifact_id
    return None


def read_artifact(connection: sa.Connection, artifact_id: str) -> bytes | None:
    """The bytes of an artifact, or None where there is none."""
    query = sa.select(blobs.c.content).where(blobs.c.kind == _KIND + artifact_id)
    content: bytes | None = connection.execute(query).scalars().first()
    return content

"""Blobs: a trial's files in the database, checked by their SHA-256 whenever they are read.

A file of a study itself lies where a trial's would, under the negative of the study's id: trials have positive ones.
"""

import hashlib
from collections.abc import Mapping

import sqlalchemy as sa

from hpsearch.storage import stored_blobs
from hpsearch.storage.reader import EngineReader
from hpsearch.storage.stored_blobs import CHECKPOINT, CHECKPOINT_CURVE, TEACHER, WEIGHTS
from hpsearch.storage.tables import blobs
from hpsearch.storage.upsert import upsert


def write_blobs(connection: sa.Connection, study_id: int, trial_id: int, contents: Mapping[str, bytes]) -> None:
    """Store blobs of a trial by their kinds, each in place of one of the same kind."""
    owner = {"study_id": study_id, "trial_id": trial_id}
    rows = [
        owner | {"kind": kind, "sha256": hashlib.sha256(content).hexdigest(), "content": content}
        for kind, content in contents.items()
    ]
    upsert(connection, blobs, ("trial_id", "kind"), rows)


def write_study_blob(connection: sa.Connection, study_id: int, kind: str, content: bytes) -> None:
    """Store a blob of a study itself."""
    write_blobs(connection, study_id, -study_id, {kind: content})


def read_study_blob(connection: sa.Connection, study_id: int, kind: str) -> bytes | None:
    """A blob of a study itself, or None where there is none.

    Raises:
        StorageError: What the database holds is not what was written.
    """
    return read_blob(connection, -study_id, kind)


def find_weights(connection: sa.Connection, sha256: str) -> list[tuple[int, int]]:
    """Where weights of this hash lie, of trials or as a study's teacher: study ids, each with the trial's id.

    The id is that of no trial, below zero, where they are a study's own.
    """
    same = (blobs.c.sha256 == sha256) & blobs.c.kind.in_((WEIGHTS, TEACHER))
    rows = connection.execute(sa.select(blobs.c.study_id, blobs.c.trial_id).where(same).order_by(blobs.c.trial_id))
    return [(row.study_id, row.trial_id) for row in rows]


def delete_checkpoint(connection: sa.Connection, trial_id: int) -> None:
    """Delete a trial's checkpoint if there is one."""
    kinds = blobs.c.kind.in_((CHECKPOINT, CHECKPOINT_CURVE))
    connection.execute(blobs.delete().where((blobs.c.trial_id == trial_id) & kinds))


def delete_blobs(connection: sa.Connection, trial_id: int) -> None:
    """Delete every blob of a trial."""
    connection.execute(blobs.delete().where(blobs.c.trial_id == trial_id))


def read_blob(connection: sa.Connection, trial_id: int, kind: str) -> bytes | None:
    """The blob of a trial, or None where there is none.

    Raises:
        StorageError: What the database holds is not what was written.
    """
    return stored_blobs.read_blob(EngineReader(connection), trial_id, kind)

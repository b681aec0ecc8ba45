"""Files of trials and studies as they lie in the database, checked by their SHA-256 whenever they are read."""

import hashlib

from hpsearch.errors import StorageError
from hpsearch.storage.reader import Reader

WEIGHTS = "weights"
"""The kind of a trial's trained weights, as safetensors."""
CHECKPOINT = "checkpoint"
"""The kind of the state after some of a trial's epochs, kept while it is not finished."""
CHECKPOINT_CURVE = "checkpoint-curve"
"""The kind of the results of the epochs that a checkpoint has behind it, as JSON."""
CONFUSION = "confusion"
"""The kind of a complete trial's confusion matrix on the validation split, as JSON: a list a class, of counts."""
TEACHER = "teacher"
"""The kind of the weights, as safetensors, of the network that a study's trials learn from; the study's own."""


def read_blob(reader: Reader, trial_id: int, kind: str) -> bytes | None:
    """The blob of a trial, or None where there is none.

    Raises:
        StorageError: What the database holds is not what was written.
    """
    rows = reader.query(
        "SELECT sha256, content FROM hpsearch_blobs WHERE trial_id = :trial AND kind = :kind",
        trial=trial_id,
        kind=kind,
    )
    if not rows:
        return None
    sha256, content = rows[0]
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StorageError(f"the {kind} of trial {trial_id} are damaged in the database: restore it from a copy")
    return bytes(content)

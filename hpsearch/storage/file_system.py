"""Where a SQLite file lies: on a network file system its locks hold back nobody."""

from pathlib import Path

import psutil

from hpsearch.errors import StorageError

_NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smbfs", "smb3", "afs", "ncpfs", "9p", "ceph", "glusterfs", "lustre", "gpfs", "beegfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "webdav", "davfs", "afpfs",
})  # fmt: skip


def refuse_network_file_system(path: Path) -> None:
    """Refuse a SQLite file whose folder lies on a network file system.

    Raises:
        StorageError: It does; the message says what to use instead.
    """
    kind = find_file_system(path)
    if kind in _NETWORK:
        raise StorageError(
            f"storage {str(path)!r} lies on a network file system ({kind}), whose locks SQLite cannot trust: "
            "take a folder on a local disk, or --storage postgresql://USER@HOST/DATABASE"
        )


def find_file_system(path: Path) -> str | None:
    """The kind of file system that a path lies on; None where the system does not tell."""
    resolved = path.resolve()
    try:
        mounts = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):
        return None
    above = [mount for mount in mounts if resolved.is_relative_to(mount.mountpoint)]
    # Of mounts on the same place the last one hides the others.
    deepest = max(enumerate(above), key=lambda item: (len(Path(item[1].mountpoint).parts), item[0]), default=None)
    return deepest[1].fstype if deepest else None

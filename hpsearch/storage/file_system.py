"""Where a SQLite file lies: on a network file system its locks hold back nobody."""

from pathlib import Path

import psutil

from hpsearch.errors import StorageError

_NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smbfs", "smb3", "afs", "ncpfs", "9p", "ceph", "glusterfs", "lustre", "gpfs", "beegfs",
    "webdav", "davfs", "afpfs", "vboxsf", "virtiofs", "prl_fs", "vmhgfs", "drvfs",
})  # fmt: skip
_LOCAL_FUSE = frozenset(
    {"fuse.ext4", "fuse.ntfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.fuseext2", "fuse.fuse-overlayfs"}
)
"""Of what runs through FUSE only these are known to lie on a disk of this machine."""
_WINDOWS = frozenset({"9p", "drvfs"})
"""How WSL shows the disks of Windows."""


def refuse_network_file_system(path: Path) -> None:
    """Refuse a SQLite file whose folder lies on a network file system.

    Raises:
        StorageError: It does; the message says what to use instead.
    """
    kind = find_file_system(path)
    if kind is None or not is_shared(kind):
        return
    place = "take a folder on a local disk"
    if kind in _WINDOWS:
        place = "under WSL take a folder of Linux's own disk, in your home folder (~), not one below /mnt"
    raise StorageError(
        f"storage {str(path)!r} lies on a network or shared file system ({kind}), whose locks SQLite cannot trust: "
        f"{place}, or --storage postgresql://USER@HOST/DATABASE"
    )


def is_shared(kind: str) -> bool:
    """Whether a file system of this kind may be written from elsewhere."""
    return kind.lower() in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


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

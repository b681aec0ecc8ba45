"""What a machine, an editor and a host hand over is taken as it comes, or refused with what mends it."""

import os
import shlex
import subprocess
import sys
import types
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from hpsearch.cli import main
from hpsearch.dashboard.tokens import read_token_file
from hpsearch.engines.launching import LaunchOrder
from hpsearch.engines.local import launch_local_workers
from hpsearch.engines.slurm import Slurm
from hpsearch.errors import DataError, InputError, StorageError
from hpsearch.export.config_file import read_config
from hpsearch.export.micro_interpreter import MicroError, run_micro
from hpsearch.export.parameter_file import read_parameters
from hpsearch.sessions.request import resolve_beside
from hpsearch.sessions.storage import find_storage, read_storage_file
from hpsearch.storage.engines import engine_arguments
from hpsearch.storage.file_system import is_shared, refuse_network_file_system
from hpsearch.storage.url import parse_storage_url
from hpsearch.study.file import read_study_file
from hpsearch.tracking.mlflow_address import parse_mlflow_uri
from hpsearch.training.data.cache import default_cache_folder
from hpsearch.training.data.formats.choice import read_own
from hpsearch.training.data.formats.reading import Reading

STUDY = 'arch = "fcn"\nbudget = "10k"\n'


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(b"\xef\xbb\xbf" + STUDY.encode())
    assert read_study_file(tmp_path / "s.toml") == {"arch": "fcn", "budget": "10k"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (STUDY.encode("utf-16"), "UTF-16 text: save it as UTF-8"),
        (STUDY.encode("utf-16-le"), "UTF-16 text"),
        ("# ü\n".encode("latin-1"), "save it as UTF-8"),
        (STUDY.replace('"fcn"', "\u201cfcn\u201d").encode(), "write straight ones"),
        (STUDY.replace("arch =", "arch\u00a0=").encode(), "write plain blanks"),
        (b"lr = 1e\xe2\x80\x934\n", "typographic dashes .* write -"),
        (STUDY.replace("=", "\uff1d").encode(), "wide signs"),
    ],
)
@pytest.mark.parametrize("read", [read_study_file, read_parameters, read_config])
def test_other_encodings_and_signs_are_named(
    tmp_path: Path, content: bytes, words: str, read: Callable[[Path], object]
) -> None:
    (tmp_path / "s.toml").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "s.toml")


def test_paths_in_a_table_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in UTF-16, as spreadsheets save text, and with names in the composed form beside files in the other one."""
    generator = np.random.default_rng(0)
    for folder in ("project", "elsewhere"):
        (tmp_path / folder).mkdir()
        for number in range(12):
            image = Image.fromarray(generator.integers(0, 256, (5, 5), dtype=np.uint8))
            image.save(tmp_path / folder / unicodedata.normalize("NFD", f"\u00fc{number}.png"))
    rows = "\n".join(f"\u00fc{number}.png;{'ab'[number % 2]}" for number in range(12))
    (tmp_path / "project" / "list.csv").write_bytes(f"Datei;label\n{rows}".encode("utf-16"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    given = read_own(Reading(Path("../project/list.csv"), tmp_path / "cache"))
    there = {np.asarray(Image.open(file)).tobytes() for file in (tmp_path / "project").glob("*.png")}
    assert {image.numpy().tobytes() for image in given.train.images} == there
    assert given.class_names == ("a", "b")
    assert given.notes == ()


def test_a_study_file_s_paths_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("project/data", "elsewhere/data", "elsewhere/other"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    file = Path("../project/s.toml")
    assert Path(resolve_beside(file, "data")).resolve() == tmp_path / "project" / "data"
    for unchanged in ("fashion-mnist", "other", "nowhere", "a" * 300, "nul\0"):
        assert resolve_beside(file, unchanged) == unchanged


@pytest.mark.parametrize("head", ["postgres", "postgresql", "POSTGRESQL", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_every_way_of_writing_postgresql_is_understood(head: str) -> None:
    assert parse_storage_url(f"{head}://u@h/d").drivername == "postgresql+psycopg"
    assert parse_mlflow_uri(f"{head}://u@h/d").uri == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ("pgbouncer=true&connection_limit=1&pool_timeout=0", {"prepare_threshold": "none"}),
        ("supa=base-pooler.x&sslmode=require", {"sslmode": "require"}),
        ("ssl=true", {"sslmode": "require"}),
        ("ssl=require&sslmode=verify-full", {"sslmode": "verify-full"}),
        ("useSSL=false", {"sslmode": "disable"}),
        ("sslmode=no-verify", {"sslmode": "require"}),
        ("schema=public&currentSchema=public", {}),
        ("sslmode=require&channel_binding=require", {"sslmode": "require", "channel_binding": "require"}),
    ],
)
def test_options_of_other_clients_are_taken_as_hosts_hand_them_out(options: str, meant: dict[str, str]) -> None:
    assert dict(parse_storage_url(f"postgres://u@h/d?{options}").query) == meant


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("schema=hps", "search_path"),
        ("ssl=maybe", "sslmode=require"),
        ("prepare_threshold=hunter2", "whole number"),
        ("prepare_threshold=-1", "whole number"),
    ],
)
def test_an_option_that_cannot_be_understood_is_named_with_what_to_write(option: str, words: str) -> None:
    with pytest.raises(StorageError, match=words) as refusal:
        parse_storage_url(f"postgresql://u@h/d?{option}")
    assert "hunter2" not in str(refusal.value)


def test_what_an_address_says_of_its_connection_goes_above_our_own() -> None:
    arguments = engine_arguments(parse_storage_url("postgresql://u@h/d?connect_timeout=60&application_name=mine"))
    assert arguments["connect_args"].keys().isdisjoint({"connect_timeout", "application_name"})
    assert arguments["connect_args"]["keepalives"] == 1
    assert (
        engine_arguments(parse_storage_url("postgresql://u@h/d?prepare_threshold=7"))["connect_args"][
            "prepare_threshold"
        ]
        == 7
    )


@pytest.mark.parametrize("written", ['"{}"', "'{}'", " {}\n", "\u201c{}\u201d", "'\"{}\"' "])
def test_quotation_marks_around_an_address_are_no_part_of_it(written: str, tmp_path: Path) -> None:
    address = "postgresql://u@h/d"
    assert find_storage(None, {"HPSEARCH_STORAGE": written.format(address)}) == address
    (tmp_path / "file").write_text(written.format(address), encoding="utf-8")
    assert find_storage(None, {"HPSEARCH_STORAGE_FILE": str(tmp_path / "file")}) == address


def test_secrets_may_be_files_of_powershell(tmp_path: Path) -> None:
    """Its `>` writes UTF-16 with a mark."""
    for name, text in (("url", "postgresql://u:p@h/d"), ("token", "a-token-of-enough-signs")):
        (tmp_path / name).write_bytes(f"{text}\r\n".encode("utf-16"))
    assert read_storage_file(tmp_path / "url") == "postgresql://u:p@h/d"
    assert read_token_file(tmp_path / "token") == "a-token-of-enough-signs"


@pytest.mark.parametrize(
    ("kind", "is_bad"),
    [
        *((f"fuse.{name}", True) for name in ("drive", "gcsfuse", "juicefs", "blobfuse2", "sshfs", "anything")),
        *((name, True) for name in ("vboxsf", "virtiofs", "drvfs", "nfs4", "9p", "CIFS")),
        *((name, False) for name in ("ext4", "overlay", "tmpfs", "btrfs", "apfs", "fuse.ntfs-3g")),
    ],
)
def test_shared_folders_of_any_kind_are_known(kind: str, is_bad: bool) -> None:
    assert is_shared(kind) == is_bad


def test_who_works_under_wsl_is_told_where_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    mount = types.SimpleNamespace(mountpoint="/", fstype="9p")
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_keywords: [mount])
    with pytest.raises(StorageError, match=r"WSL .* home folder \(~\)"):
        refuse_network_file_system(Path("/x/y.db"))


def test_a_user_without_a_home_is_told_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_cache_path", fail)
    with pytest.raises(DataError, match="set HPSEARCH_CACHE to a folder"):
        default_cache_folder({})
    assert default_cache_folder({"HPSEARCH_CACHE": "/data"}) == Path("/data")


@pytest.mark.parametrize("command", [["data", "list"], ["--help"], ["data", "list", "--json"]])
def test_an_output_that_takes_no_more_is_said_in_a_line(
    command: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path))
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        code = main(command)
    assert code == 1
    assert "error: cannot write the output: No space left" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("command", ["data list", "no-such-command"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_trouble(command: str, closed: str, tmp_path: Path) -> None:
    typed = f"{shlex.quote(sys.executable)} -m hpsearch {command} {closed}"
    environment = os.environ | {"HPSEARCH_CACHE": str(tmp_path)}
    ended = subprocess.run(typed, shell=True, env=environment, capture_output=True, text=True)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2 if command == "no-such-command" else 0, False)


@pytest.mark.parametrize("command", [["data", "list"], ["--help"], ["data", "list", "--json"]])
def test_a_reader_that_has_left_ends_it_as_the_signal_would(
    command: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path))
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as left:
        monkeypatch.setattr(sys, "stdout", left)
        code = main(command)
    assert (code, capfd.readouterr().err) == (141, "")


@pytest.mark.slow
def test_a_window_system_that_a_notebook_names_is_not_asked_for(tmp_path: Path) -> None:
    environment = os.environ | {"MPLBACKEND": "module://of.a.notebook", "HPSEARCH_CACHE": str(tmp_path)}
    draws = "from hpsearch.cli import main; main(['--version']); import matplotlib; print(matplotlib.get_backend())"
    ended = subprocess.run([sys.executable, "-c", draws], env=environment, capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1] == "agg"


def test_a_current_folder_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["data", "list"]) == 2
    assert "the current folder no longer exists" in capsys.readouterr().err
    os.chdir(tmp_path)


def test_a_worker_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("open('I-WAS-RUN', 'w')")
    (launch,) = launch_local_workers(
        "s", storage_url="sqlite:///s.db", device="cpu", count=1, deadline=None, cache_folder=tmp_path, environment={}
    )
    command = [launch.arguments[0], "-S", "-c", "import sys; print(sys.path[0])"]
    out = subprocess.run(command, cwd=tmp_path, env=dict(launch.environment), capture_output=True, text=True).stdout
    assert out.strip() not in ("", str(tmp_path))


def test_the_check_of_tflite_files_imports_nothing_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numpy", "tflite_micro", "pathlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MicroError) as trouble:  # there is no model in these bytes
        run_micro(b"no model", np.zeros((1, 1, 4, 4), dtype=np.uint8), 1000)
    assert "imported from the current folder" not in str(trouble.value)


def test_a_job_of_slurm_imports_nothing_from_the_folder_where_it_was_handed_over(tmp_path: Path) -> None:
    script = Slurm(LaunchOrder("study", 2, 0), tmp_path / "url", {}).write()
    assert f"exec {shlex.quote(sys.executable)} -P -m hpsearch worker study" in script

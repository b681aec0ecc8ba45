"""The command line before it does anything: help, version, what is typed wrongly."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import typer

from hpsearch.cli import errors, main
from hpsearch.cli.commands import COMMANDS
from hpsearch.cli.errors import explain_error
from hpsearch.cli.flags import StorageChoice, join_command
from hpsearch.cli.options import DEFAULT_STORAGE
from hpsearch.engines.engine import WorkerFailedError
from hpsearch.errors import HpsearchError, InputError, StorageError
from hpsearch.storage.url import DEFAULT_STORAGE_URL
from hpsearch.study.length import DEFAULT_EPOCHS, DEFAULT_TRIALS
from hpsearch.study.spec import StudySpec
from hpsearch.version import __version__

_HELP_IN_A_FRESH_PROCESS = """
import json, sys
from hpsearch.cli import errors, main
from hpsearch.cli.commands import COMMANDS
main(["--help"])
names = "torch", "torchvision", "optuna", "sqlalchemy", "alembic", "numpy", "pydantic", "matplotlib"
heavy = [name for name in names if name in sys.modules]
print(json.dumps(heavy), file=sys.stderr)
"""


def test_help_comes_without_what_is_heavy() -> None:
    """What would take its time: how long that is, is the machine's affair."""
    arguments = [sys.executable, "-c", _HELP_IN_A_FRESH_PROCESS]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "run" in run.stdout
    assert json.loads(run.stderr) == []


def test_hpsearch_alone_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: hpsearch" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hpsearch {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "--bugdet", "10k"], "--budget"),
        (["lst"], "'list'"),
        (["export"], "STUDY"),
        (["run", "--budget"], "--budget"),
        (["data", "fetsh"], "'fetch'"),
        (["best", "a", "b"], "b"),
    ],
)
def test_a_slip_of_the_hand_is_one_line_with_the_near_name(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err


def test_help_names_the_defaults_that_are_true(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    main(["run", "--help"])
    text = capsys.readouterr().out
    for defaults in (DEFAULT_TRIALS, DEFAULT_EPOCHS):
        assert f"{defaults['fcn']} for fcn, {defaults['cnn']} for cnn" in text
    for field in ("sampler", "pruner", "dataset", "seed"):
        assert f"({StudySpec.model_fields[field].default})" in text
    assert DEFAULT_STORAGE == DEFAULT_STORAGE_URL


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("budget 'x' is wrong"), 2),
        (StorageError("storage is damaged"), 3),
        (HpsearchError("not done"), 1),
        (WorkerFailedError("the worker's own words", 3), 3),
        (WorkerFailedError("the worker's own words", 1), 1),
    ],
)
def test_an_error_of_ours_is_its_sentence_and_its_code(error: HpsearchError, code: int) -> None:
    assert explain_error(error) == (f"error: {error}", code)


def test_a_bug_keeps_its_traceback() -> None:
    assert explain_error(ValueError("a bug")) is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise OSError('libcudart.so: cannot open shared object file')", "OSError: libcudart.so: cannot open shared"),
        ("raise ImportError('undefined symbol')", "ImportError: undefined symbol"),
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def use(): return 1\nuse().real.nothing", "AttributeError: 'int' object has no attribute 'nothing'"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (tmp_path / "torch_of_a_test").mkdir()
    (tmp_path / "torch_of_a_test" / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    explained = explain_error(catch_import("torch_of_a_test.inner"))
    assert explained is not None
    assert explained[0].startswith(f"error: torch_of_a_test cannot be loaded: {said}")
    assert explained[1] == 1


def test_a_package_that_is_not_there_is_named_unless_it_is_our_own() -> None:
    explained = explain_error(catch_import("nowhere_at_all.inner"))
    assert explained is not None
    assert explained[0].startswith("error: nowhere_at_all cannot be loaded: ModuleNotFoundError")
    assert explain_error(catch_import("hpsearch.nowhere_at_all")) is None


def catch_import(name: str) -> Exception:
    """What importing a module from within hpsearch raises."""
    within: dict[str, object] = {"__name__": "hpsearch.within"}
    exec("import importlib\ndef load(name): __import__(name)", within)
    try:
        cast("Callable[[str], None]", within["load"])(name)
    except (ImportError, OSError, AttributeError) as error:
        return error
    raise AssertionError("it was imported")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "run --lr 0.1",
            "no such option: --lr; lr is searched, within what a study file says below its line [space] (",
        ),
        ("create --batch-size=64", "no such option: --batch-size; batch_size is searched, within what a study file"),
        ("run --worker 3", "no such option: --worker; did you mean --workers or --pruner? (hpsearch run --help"),
        ("show --lr 0.1", "no such option: --lr (hpsearch show --help"),
        ("run --study-name x", "no such option: --study-name; --study does that (hpsearch run --help"),
        ("run --max-params=100k", "no such option: --max-params; --budget does that (hpsearch run --help"),
        ("run -j 2", "no such option: -j; --workers does that (hpsearch run --help"),
        ("run --resume", "no such option: --resume; the same command goes on where it stopped (hpsearch run --help"),
        ("show x --resume", "no such option: --resume (hpsearch show --help"),
        ("export x -o y", "no such option: -o; --out does that (hpsearch export --help"),
        ("show", "missing argument 'STUDY': the study's name; hpsearch list has all (hpsearch show --help"),
        ("evaluate", "missing argument 'BUNDLE': the folder of an exported trial (hpsearch evaluate --help"),
        ("--budget 100k", "no such option: --budget; options stand behind a command, as in hpsearch run --budget 100k"),
        ("search", "no such command 'search'; hpsearch run does that (hpsearch --help"),
        ("help", "no such command 'help'; hpsearch --help does that (hpsearch --help"),
        ("lsit", "no such command 'lsit'. Did you mean 'list'? (hpsearch --help"),
        ("nothing", "no such command 'nothing' (hpsearch --help"),
    ],
)
def test_what_is_typed_as_another_tool_has_it_is_answered_with_the_way_on(
    typed: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed.split()) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_every_command_that_is_offered_in_place_of_another_is_there() -> None:
    offered = {command.split()[0] for command in errors._OTHER_COMMANDS.values() if not command.startswith("-")}
    assert offered <= {command.name for command in COMMANDS}


def test_every_option_that_is_offered_in_place_of_another_is_a_commands() -> None:
    from hpsearch.cli.app import build_app

    app = build_app(COMMANDS, lists_only=False)
    commands = list(typer.main.get_group(app).commands.values())
    there = {name for command in commands for parameter in command.params for name in parameter.opts}
    assert set(errors._OTHER_OPTIONS.values()) <= there


def test_a_path_after_an_equals_sign_may_begin_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for arguments in (["--storage=sqlite:///~/studies.db"], ["--storage", "sqlite:///~/studies.db"]):
        assert main(["list", *arguments]) == 3
        assert f"there is no database '{tmp_path}/studies.db' yet" in capsys.readouterr().err
    assert main(["data", "fetch", "~/pictures"]) == 2
    assert f"there is no folder or file {tmp_path}/pictures" in capsys.readouterr().err
    assert main(["worker", "nothing", "--storage=~/studies"]) == 3
    assert f"storage '{tmp_path}/studies' is no database URL" in capsys.readouterr().err


def test_the_command_to_type_next_never_has_a_password() -> None:
    url = "postgresql://me:hunter2@host/studies"
    shown = StorageChoice(url, is_flag=True).complete_command("hpsearch list")
    typed = join_command(["run", "--storage", url, f"--storage={url}?password=hunter2", "--arch", "cnn"])
    assert "hunter2" not in shown + typed
    assert "host/studies" in shown
    assert typed.startswith("hpsearch run --storage ")
    assert typed.endswith(" --arch cnn")


def test_the_storage_is_repeated_in_the_next_command_only_where_it_was_an_option() -> None:
    assert StorageChoice("sqlite:///x.db", is_flag=False).complete_command("hpsearch list") == "hpsearch list"
    assert StorageChoice("sqlite:///x.db", is_flag=True).complete_command("hpsearch list").endswith("sqlite:///x.db")


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m hpsearch --help | head -n 1; exit ${{PIPESTATUS[0]}}"
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr

"""What `import hpsearch` gives, and what it costs."""

import json
import pydoc
import subprocess
import sys

import pytest

import hpsearch
from hpsearch.api.wording import say_in_python

_IMPORT_IN_A_FRESH_PROCESS = """
import json, sys
import hpsearch
dir(hpsearch), hpsearch.__version__
heavy = ("torch", "optuna", "sqlalchemy", "pandas", "matplotlib", "numpy", "rich", "typer", "pydantic")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_the_import_brings_in_nothing_that_is_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", _IMPORT_IN_A_FRESH_PROCESS], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []


def test_every_public_name_is_there_and_documented() -> None:
    for name in hpsearch.__all__:
        found = getattr(hpsearch, name)
        if name == "__version__":
            continue
        assert found.__doc__, name
        if isinstance(found, type):
            public = [each for each in vars(found) if not each.startswith("_")]
            undocumented = [each for each in public if not pydoc.getdoc(getattr(found, each))]
            annotations = vars(found).get("__annotations__", {})
            assert [each for each in undocumented if each not in annotations] == [], name
    with pytest.raises(AttributeError, match="serach"):
        hpsearch.serach  # noqa: B018


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("leave either --time or --trials and --epochs out", "leave either time or trials and epochs out"),
        ("give the same, or another --study NAME", "give the same, or another name=NAME"),
        (
            "no budget is given: add --budget 100k, or budget = ... to a study file",
            'no budget is given: give budget="100k"',
        ),
        (
            "is stopped (by hand): hpsearch resume mine lets it go on",
            "is stopped (by hand): study.resume() lets it go on",
        ),
        ("hpsearch resume mine --trials +7 makes room", "study.resume(added=7) makes room"),
        ("there is mine (hpsearch list has all)", "there is mine (hpsearch.list_studies() has all)"),
        ("name another --storage, or leave --from out", "name another storage, or leave start out"),
        ("hpsearch delete mine removes it", "hpsearch delete mine removes it"),
        ("trial 3 of my--study", "trial 3 of my--study"),
        (
            "images in /a b/cache/arrays/arrays-0123456789ab.npz is bool: save images.astype(np.uint8) * 255",
            "images in the data in memory is bool: give images.astype(np.uint8) * 255",
        ),
        ("mine.npz is bool: save images as bytes", "mine.npz is bool: save images as bytes"),
        (
            "dataset: it has /a/mine.npz, given /b c/arrays/arrays-0123456789ab.npz",
            "dataset: it has /a/mine.npz, given the data in memory",
        ),
        (
            "it has /a/arrays-0123456789ab.npz, given /a/arrays-ba9876543210.npz",
            "it has /a/arrays-0123456789ab.npz, given /a/arrays-ba9876543210.npz",
        ),
    ],
)
def test_a_message_names_arguments_and_calls(said: str, expected: str) -> None:
    assert say_in_python(said) == expected

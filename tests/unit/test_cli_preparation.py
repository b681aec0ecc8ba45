"""What a command checks before any work."""

from pathlib import Path

import pytest

from hpsearch.cli.preparation import make_absolute


def test_the_path_of_a_data_set_is_made_absolute_and_a_name_stays_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("mine", "fashion-mnist"):
        (tmp_path / folder).mkdir()
    assert make_absolute("mine") == str(tmp_path / "mine")
    assert make_absolute("fashion-mnist") == "fashion-mnist"
    assert make_absolute("missing.npz") == "missing.npz"

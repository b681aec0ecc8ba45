"""The house's plan: who may import whom, and where each heavy dependency lives."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_imports_follow_the_contract() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_contract_seals_the_test_split_from_everything_that_searches() -> None:
    """The contract above is only as good as its text."""
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    seal = next(contract for contract in contracts if "test split" in contract["name"])
    sealed = {"hpsearch.tuning", "hpsearch.worker", "hpsearch.training.loop", "hpsearch.export.bundle"}
    assert sealed <= set(seal["source_modules"])
    assert seal["forbidden_modules"] == ["hpsearch.training.data.test_split"]
    assert "allow_indirect_imports" not in seal

"""One real search on the real FashionMNIST, through the chain of sources, from an empty cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.errors import DataUnavailableError
from hpsearch.training.data import fetch_dataset

TIMEOUT_SECONDS = 280


@pytest.mark.slow
def test_a_search_on_fashion_mnist_ends_with_a_network_that_has_learned(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    try:
        identity = fetch_dataset("fashion-mnist", cache, lambda _line: None)
    except DataUnavailableError as error:
        pytest.skip(f"no source of FashionMNIST can be reached: {error}")
    assert (identity.train_count, identity.test_count, identity.input_shape) == (60_000, 10_000, (1, 28, 28))
    flags = ["--budget", "20k", "--arch", "fcn", "--trials", "3", "--epochs", "2", "--workers", "2", "--json"]
    result = subprocess.run(
        [sys.executable, "-m", "hpsearch", "run", *flags],
        cwd=tmp_path,
        env=os.environ | {"HPSEARCH_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert 19_800 <= found["weights"] <= 20_000
    assert found["validation_accuracy"] > 0.75
    assert found["test_accuracy"] > 0.75
    assert found["test_openings"] == 1

"""One real search on the real FashionMNIST, through the chain of sources, from an empty cache."""

import json
from pathlib import Path

import pytest

from hpsearch.errors import DataUnavailableError
from hpsearch.training.data import fetch_dataset
from tests.cli_runs import make_room

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
    room = make_room(tmp_path, {"HPSEARCH_CACHE": str(cache), "HPSEARCH_STORAGE": ""})
    with room.fork("run", *flags) as process:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, err
    found = json.loads(out)
    assert 19_800 <= found["weights"] <= 20_000
    assert found["validation_accuracy"] > 0.75
    assert found["test_accuracy"] > 0.75
    assert found["test_openings"] == 1

"""What a worker's process sees: the storage, and how many threads an operation has."""

import pytest

from hpsearch.engines.worker_process import make_worker_environment


@pytest.mark.parametrize(("said", "threads"), [({}, "1"), ({"OMP_NUM_THREADS": "3"}, "3")])
def test_an_operation_of_a_worker_has_one_thread_unless_somebody_says_otherwise(
    said: dict[str, str], threads: str
) -> None:
    environment = make_worker_environment(said, "sqlite:///studies.db", None)
    assert environment["OMP_NUM_THREADS"] == threads
    assert environment["MKL_NUM_THREADS"] == "1"
    assert environment["HPSEARCH_STORAGE"] == "sqlite:///studies.db"

"""The notebooks of the documentation run from nothing, and a study outlives whatever happens to its kernel."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient

import hpsearch
from tests.cli_runs import write_tiny_archive
from tests.kernels import CELL_SECONDS, start_kernel

pytestmark = pytest.mark.timeout(1800)
"""Kernels, commands and workers start from nothing, as a user's do: seconds of computing each."""

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
SMALL = {
    "one-cell-one-network": """
DATASET = "tiny.npz"
BUDGET = "1k"
SETTINGS = {"trials": 2, "epochs": 1, "workers": 1, "device": "cpu"}
""",
    "what-does-a-weight-buy": """
DATASET = "tiny.npz"
BUDGETS = ["1k", "2k"]
SETTINGS = {"trials": 1, "epochs": 1, "workers": 1, "device": "cpu"}
""",
    "is-the-difference-real": """
IMAGES = 300
TRIALS = 2
EPOCHS = 1
REPLICATES = 2
""",
}
"""What each notebook's cell of parameters is followed by here."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.delenv("HPSEARCH_STORAGE_FILE", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    write_tiny_archive(tmp_path / "tiny.npz")
    return tmp_path


@pytest.fixture(autouse=True)
def loop_is_closed() -> Iterator[None]:
    """What executes a notebook leaves its event loop open; whoever collects it is warned, in any test that follows."""
    yield
    ensure_event_loop().close()


def read_notebook(name: str) -> Any:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def run_notebook(name: str, folder: Path) -> list[Any]:
    """Execute it on small settings. Returns its cells of code with their outputs, without the parameters."""
    notebook = read_notebook(name)
    (at,) = [n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(SMALL[name]))
    NotebookClient(notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell for cell in notebook.cells[at + 2 :] if cell.cell_type == "code"]


def list_outputs(cells: list[Any], mime: str) -> list[str]:
    return [output.data[mime] for cell in cells for output in cell.outputs if mime in output.get("data", {})]


def test_each_notebook_has_small_settings_and_is_kept_without_outputs() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(SMALL)
    for name in SMALL:
        for cell in read_notebook(name).cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


def test_one_cell_gives_one_network_and_the_same_again_in_another_process_trains_nothing(folder: Path) -> None:
    cells = run_notebook("one-cell-one-network", folder)
    (study,) = hpsearch.list_studies()
    assert study.counts["COMPLETE"] + study.counts["PRUNED"] == 2
    assert f"is trial {study.best.number}" in "".join(list_outputs(cells[:1], "text/html"))
    assert len(list_outputs(cells, "image/png")) == 3
    assert "torch.Size([4, 3])" in list_outputs(cells, "text/plain")
    warned = [output.text for cell in cells for output in cell.outputs if output.get("name") == "stderr"]
    assert [text for text in warned if "mean brightness" not in text] == []
    assert list((folder / "exports").glob("*/*.safetensors"))
    trials = study.trials
    assert hpsearch.search("1k", "cnn", "tiny.npz", trials=2, epochs=1, workers=1, device="cpu") == study
    assert study.trials == trials
    assert study.test_openings == 1


@pytest.mark.exhaustive
def test_what_a_weight_buys_is_a_table_a_frontier_and_a_figure(folder: Path) -> None:
    cells = run_notebook("what-does-a-weight-buy", folder)
    small, large = (hpsearch.open_study(f"ladder-{budget}") for budget in ("1k", "2k"))
    assert large.best.weights > small.best.weights  # type: ignore[operator]
    table = list_outputs(cells, "text/html")[-3]
    assert f"{small.best.weights}" in table
    assert f"{large.best.weights}" in table
    assert len(list_outputs(cells, "image/png")) == 1


@pytest.mark.exhaustive
def test_a_difference_is_measured_on_arrays_under_fresh_seeds(folder: Path) -> None:
    cells = run_notebook("is-the-difference-real", folder)
    finalists = hpsearch.open_study("bars-finalists")
    assert finalists.is_finished
    assert len(finalists.trials) == 4
    printed = "".join(output.text for cell in cells for output in cell.outputs if output.output_type == "stream")
    assert "points" in printed.splitlines()[-1]


CELL = """
import os, signal
import hpsearch

def hear(study, trial):
    print("ended", trial.number, flush=True)
    {then}

study = hpsearch.search("2k", "fcn", "tiny.npz", name="told", trials={trials}, epochs=2, workers=1, device="cpu",
                        pruner="none", progress=False, callbacks=[hear])
"""


def wait_until_no_process_works_in(folder: Path) -> None:
    deadline = time.monotonic() + CELL_SECONDS
    while any(_is_in(process, folder) for process in psutil.process_iter()):
        assert time.monotonic() < deadline, "a worker outlived its study"
        time.sleep(0.2)


def _is_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.pid != psutil.Process().pid and process.cwd() == str(folder)
    except psutil.Error:
        return False


def test_a_kernel_that_is_killed_loses_no_trial_and_the_same_cell_goes_on(folder: Path) -> None:
    with start_kernel(folder) as kernel:
        kernel.send(CELL.format(trials=4, then="os.kill(os.getpid(), signal.SIGKILL)"))
        deadline = time.monotonic() + CELL_SECONDS
        while kernel.manager.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.1)
    before = [trial for trial in hpsearch.open_study("told").trials if trial.state == "COMPLETE"]
    assert before
    with start_kernel(folder) as kernel:
        assert kernel.run(CELL.format(trials=4, then=""))["status"] == "ok"
    study = hpsearch.open_study("told")
    assert study.is_finished
    assert study.counts["COMPLETE"] == len(study.trials) == 4
    assert all(study.trials[trial.number].curve == trial.curve for trial in before)
    assert study.test_openings == 1
    wait_until_no_process_works_in(folder)


@pytest.mark.exhaustive
def test_the_stop_button_gives_the_trial_back_and_returns_the_study(folder: Path) -> None:
    with start_kernel(folder) as kernel:
        assert kernel.run(CELL.format(trials=300, then=""), interrupt_at="ended 0")["status"] == "ok"
        assert kernel.run("print('is', study.is_finished, study.counts['RUNNING'])")["status"] == "ok"
        assert "is False 0" in kernel.printed
        study = hpsearch.open_study("told")
        assert 1 <= study.counts["COMPLETE"] < 300
        assert study.counts["FAIL"] == 0
        assert study.test_openings == 0
        kernel.run("study.resume(trials=len(study.trials) + 1).work(workers=1, device='cpu', progress=False)")
        assert study.is_finished
    wait_until_no_process_works_in(folder)


@pytest.mark.exhaustive
def test_two_kernels_with_the_same_cell_work_on_one_study(folder: Path) -> None:
    replies: list[dict[str, Any]] = []
    cell = CELL.format(trials=6, then="")
    with start_kernel(folder) as first, start_kernel(folder) as second:
        threads = [
            threading.Thread(target=lambda kernel=kernel: replies.append(kernel.run(cell)))
            for kernel in (first, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [reply["status"] for reply in replies] == ["ok", "ok"], replies
    study = hpsearch.open_study("told")
    assert study.is_finished
    assert study.counts["COMPLETE"] == len(study.trials) == 6
    assert study.test_openings == 1

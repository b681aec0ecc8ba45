"""Makes a worker that Ray or Slurm starts a scripted one: Python imports this where PYTHONPATH names its folder.

HPSEARCH_TEST_SCRIPT has the script's fields as JSON. Everything else is the real thing: the command line that the
engine has written, its pipe, its end.
"""

import json
import os
import sys


def _become_scripted() -> None:
    from pathlib import Path

    from tests.journal import Journal, journal_writes
    from tests.scripted_worker import WorkerScript, put_script_in

    fields = json.loads(os.environ["HPSEARCH_TEST_SCRIPT"])
    folder = Path(fields.pop("folder"))
    name = f"worker-{os.getpid()}"
    (folder / f"{name}.gpu").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    journal_writes(Journal(folder / f"{name}.jsonl", name))
    put_script_in(WorkerScript("", "study", "", folder, **fields))


if "HPSEARCH_TEST_SCRIPT" in os.environ and "worker" in sys.orig_argv and "hpsearch" in sys.orig_argv:
    _become_scripted()

"""Slurm: workers as a job array."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.engines.launching import LaunchError, LaunchOrder, Submitted, fill_template, format_duration, run_command

_GIGABYTES_A_WORKER = 4
_DEFAULT_SECONDS = 4 * 3600.0


@dataclass(frozen=True)
class Slurm:
    """Submits through `sbatch`."""

    order: LaunchOrder
    storage_file: Path
    """Whose one line is the database's URL, on the nodes as here."""
    environment: Mapping[str, str]

    def write(self) -> str:
        """The batch script."""
        order = self.order
        options = _join_options(order.options)
        if order.gpus:
            options = ["--gres=gpu:1", *options]
        return fill_template(
            "slurm-array.sh",
            study=order.study,
            command=order.command,
            tasks=order.tasks,
            workers_a_task=order.gpu_share,
            memory=f"{_GIGABYTES_A_WORKER * order.gpu_share}G",
            time=format_duration(_DEFAULT_SECONDS if order.seconds is None else order.seconds),
            options="".join(f"#SBATCH {option}\n" for option in options).rstrip(),
            storage_file=shlex.quote(str(self.storage_file)),
            # -P: else Python imports whatever lies in the folder where the job was handed over.
            program=f"{shlex.quote(sys.executable)} -P -m hpsearch",
            flags="".join(f" {shlex.quote(flag)}" for flag in order.flags),
        )

    def submit(self, text: str) -> Submitted:
        """Hand the script to sbatch.

        Raises:
            InputError: There is no sbatch on PATH.
            LaunchError: Slurm refused it.
        """
        # sbatch hands the environment over to where others may see it.
        environment = {name: value for name, value in self.environment.items() if name != "HPSEARCH_STORAGE"}
        hint = "type this on a machine of the Slurm cluster, or add --print to see the script"
        said = run_command(["sbatch", "--parsable"], text, environment, hint=hint)
        job = said.splitlines()[-1].partition(";")[0].strip() if said else ""
        if not job.isdigit():
            raise LaunchError(f"sbatch named no job: {said[:200]!r}")
        return Submitted(
            job=job,
            look=f"squeue --job {job}",
            cancel=f"scancel {job}",
            logs=f"tail -f hpsearch-{self.order.study}-{job}_*.log",
        )


def _join_options(options: tuple[str, ...]) -> list[str]:
    """Options as lines: a word that is none belongs to the option before it."""
    lines: list[str] = []
    for word in options:
        if word.startswith("-") or not lines:
            lines.append(shlex.quote(word))
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return lines

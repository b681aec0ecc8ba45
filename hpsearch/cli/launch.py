"""`hpsearch launch`: workers of a study through a scheduler, which places them and starts them again."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.flags import choose_storage, join_command, parse_number, parse_workers
from hpsearch.cli.options import OUTPUT, WHERE, JsonOption, StorageOption, StudyArgument
from hpsearch.durations import parse_duration
from hpsearch.engines.gpus import parse_gpu_share
from hpsearch.errors import InputError
from hpsearch.sessions.storage import STORAGE_FILE_VARIABLE, read_storage_file
from hpsearch.views.screen import write_json, write_line

if TYPE_CHECKING:
    from hpsearch.engines.launching import Launcher, LaunchOrder, Submitted

_DEFAULT_WORKERS = 8
_STORAGE_FILE = Path("~/.config/hpsearch/storage")


def launch(
    context: typer.Context,
    study: StudyArgument,
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTIONS]", help="Further options of sbatch, or of kubectl.", show_default=False),
    ] = None,
    on: Annotated[
        str, typer.Option("--on", metavar="slurm|kubernetes", help="What places the workers.", rich_help_panel=WHERE)
    ] = "",
    workers: Annotated[
        str, typer.Option("--workers", metavar="N", help="How many workers.", rich_help_panel=WHERE)
    ] = str(_DEFAULT_WORKERS),
    time: Annotated[
        str | None,
        typer.Option(
            "--time",
            metavar="TIME",
            help="How long they may take: 90m, 4h.",
            show_default="4h on Slurm, no limit on Kubernetes",
            rich_help_panel=WHERE,
        ),
    ] = None,
    gpus: Annotated[
        str,
        typer.Option("--gpus", metavar="0|1", help="GPUs of each worker; 0 trains on the CPU.", rich_help_panel=WHERE),
    ] = "0",
    gpu_share: Annotated[
        str | None,
        typer.Option(
            "--gpu-share",
            metavar="K",
            help="So many workers go together and share one GPU.",
            show_default="1",
            rich_help_panel=WHERE,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="Where those machines have the study's images, if not where the study was made.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="NAME", help="On Kubernetes: the image, yours.", rich_help_panel=WHERE),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option("--queue", metavar="NAME", help="On Kubernetes: a queue of Kueue.", rich_help_panel=WHERE),
    ] = None,
    pooled: Annotated[
        bool,
        typer.Option(
            "--pooled",
            help="The database is reached through a pooler such as PgBouncer: do not count its connections.",
            rich_help_panel=WHERE,
        ),
    ] = False,
    storage: StorageOption = None,
    print_only: Annotated[
        bool, typer.Option("--print", help="Write the script or manifest, submit nothing.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Have a scheduler start workers of a study, and come back at once.

    The study is there already (hpsearch create). Workers end when it is finished; hpsearch stop ends them sooner.

    Example: [bold]hpsearch launch mnist-cnn-100k --on slurm --workers 32 --time 4h -- --partition=long[/]

    Example: [bold]hpsearch launch mnist-cnn-100k --on slurm --workers 16 --gpus 1 --gpu-share 4[/]

    Example: [bold]hpsearch launch mnist-cnn-100k --on kubernetes --image registry.example.com/hpsearch:0.1.0 --print[/]
    """
    from hpsearch.engines.launching import LaunchOrder
    from hpsearch.sessions.launching import check_launch

    scheduler = on.strip().lower()
    if scheduler not in ("slurm", "kubernetes"):
        raise InputError(
            "--on says what places the workers: give --on slurm or --on kubernetes (hpsearch run has --on ray)"
        )
    share, counted = parse_gpu_share(gpu_share), parse_workers(workers)
    per_worker = parse_number(gpus, "--gpus", least=0) or 0
    if per_worker > 1:
        raise InputError(f"--gpus {per_worker} is not allowed: a worker trains on one GPU; give 1, and more --workers")
    if share is not None and (share.is_measured or not per_worker):
        raise InputError("--gpu-share here is a number of workers that share a GPU, and needs --gpus 1")
    if counted is None:
        raise InputError("--workers auto is for machines that this command sees: give a number")
    order = LaunchOrder(
        study,
        counted,
        per_worker,
        gpu_share=min(share.workers or 1, counted) if share else 1,
        seconds=parse_duration(time, "--time") if time is not None else None,
        dataset=dataset,
        options=tuple(options or ()),
        command=join_command(context.obj or ()),
    )
    launcher, url = (
        _open_slurm(context, order, storage, image, queue)
        if scheduler == "slurm"
        else _open_kubernetes(context, order, storage, image, queue)
    )
    facts = check_launch(url, order, pooled=pooled)
    text = launcher.write()
    if print_only:
        write_line(text.rstrip())
        return
    _tell(launcher.submit(text), order, facts, as_json=as_json)


def _open_slurm(
    context: typer.Context, order: "LaunchOrder", given: str | None, image: str | None, queue: str | None
) -> "tuple[Launcher, str]":
    from hpsearch.engines.slurm import Slurm

    for flag, value in (("--image", image), ("--queue", queue)):
        if value is not None:
            raise InputError(f"{flag} is for --on kubernetes: leave it out, or add sbatch's own options after --")
    named = os.environ.get(STORAGE_FILE_VARIABLE)
    path = Path(named).absolute() if named else _STORAGE_FILE.expanduser()
    if not path.exists():
        raise InputError(
            f"the workers read the database's URL from {str(path)!r}, which is not there: write it into that file, in "
            "one line, and chmod 600 it"
        )
    url = read_storage_file(path)
    if given is not None and choose_storage(context, given).url != url:
        raise InputError(
            f"the workers read the database's URL from {str(path)!r}, which names another one than --storage or "
            "HPSEARCH_STORAGE: leave those out, or change the file"
        )
    return Slurm(order, path, os.environ), url


def _open_kubernetes(
    context: typer.Context, order: "LaunchOrder", given: str | None, image: str | None, queue: str | None
) -> "tuple[Launcher, str]":
    from hpsearch.engines.kubernetes import Kubernetes

    if image is None:
        raise InputError("--on kubernetes needs --image NAME, the image that you built from hpsearch's Dockerfile")
    return Kubernetes(order, image, os.environ, queue), choose_storage(context, given).url


def _tell(submitted: "Submitted", order: "LaunchOrder", facts: str, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "study": order.study,
                "job": submitted.job,
                "workers": order.workers,
                "look": submitted.look,
                "cancel": submitted.cancel,
                "logs": submitted.logs,
            }
        )
        return
    write_line(f"submitted  job {submitted.job}: {order.workers} workers of {order.study}; {facts}")
    write_line(f"look       {submitted.look}")
    write_line(f"           hpsearch status {order.study} --watch")
    write_line(f"logs       {submitted.logs}")
    write_line(f"cancel     {submitted.cancel}   (their trials go back; hpsearch stop {order.study} ends the study)")

"""`hpsearch dashboard`: the studies of a database in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.flags import StorageChoice, choose_storage, parse_number
from hpsearch.cli.options import WHERE, StorageOption
from hpsearch.cli.signals import Interrupts
from hpsearch.errors import InputError
from hpsearch.views.screen import write_error_line, write_line

if TYPE_CHECKING:
    from hpsearch.dashboard.addresses import Address
    from hpsearch.dashboard.rules import Rules

_ACCESS = "Who may do what"


def dashboard(
    context: typer.Context,
    storage: StorageOption = None,
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", help="The address to listen on.", rich_help_panel=WHERE),
    ] = "127.0.0.1",
    port: Annotated[
        str, typer.Option("--port", metavar="N", help="0 takes any that is free.", rich_help_panel=WHERE)
    ] = "8080",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Everybody must show what is in this file; needed for a --host that others reach.",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    reports: Annotated[
        Path,
        typer.Option(
            "--reports",
            metavar="DIR",
            help="The folder with the pages of [bold]hpsearch report[/], which are linked.",
            rich_help_panel=WHERE,
        ),
    ] = Path("reports"),
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            metavar="NAME[:PORT]",
            help="Answer to this name as well, as browsers ask for it; may be repeated.",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
) -> None:
    """Show the studies of a database in a browser: curves, networks, figures of the best trials.

    It only reads, and only this machine reaches it, unless you say otherwise. Workers may go on meanwhile.

    Example: [bold]hpsearch dashboard[/]
    """
    from hpsearch.dashboard.addresses import find_address, list_allowed_hosts, listen
    from hpsearch.dashboard.application import build_application
    from hpsearch.dashboard.rules import Rules
    from hpsearch.dashboard.server import DashboardServer
    from hpsearch.dashboard.tokens import Token, is_readable_by_all, read_token_file
    from hpsearch.sessions.opening import open_database

    number = parse_number(port, "--port", least=0)
    assert number is not None
    chosen = choose_storage(context, storage)
    with Interrupts() as interrupts:
        address = find_address(host, number)
        if token_file is None and not address.is_loopback:
            raise InputError(
                f"--host {host} lets other machines in: give --token-file FILE with a secret of at least 16 "
                "characters, or leave --host away"
            )
        secret = read_token_file(token_file) if token_file is not None else None
        if token_file is not None and is_readable_by_all(token_file):
            write_error_line(f"warning: every user of this machine may read {token_file}: chmod 600 keeps it yours")
        with open_database(chosen.url, read_only=True) as database, listen(address) as listener:
            bound: int = listener.getsockname()[1]
            token = Token(secret, f"hpsearch_dashboard_{bound}") if secret is not None else None
            rules = Rules(list_allowed_hosts(address, bound, allowed_host or ()), token)
            _announce(chosen, address, bound, rules)
            DashboardServer(listener, build_application(database, rules, reports)).serve()
        if interrupts.exit_code is not None:
            raise typer.Exit(interrupts.exit_code)


def _announce(storage: StorageChoice, address: "Address", port: int, rules: "Rules") -> None:
    from hpsearch.cli.flags import hide_password

    shown = "127.0.0.1" if address.is_every_address else address.host
    shown = f"[{shown}]" if ":" in shown else shown
    query = "/?token=TOKEN" if rules.token is not None else "/"
    who = "whoever has the token" if rules.token is not None else "everybody on this machine"
    names = ", ".join(sorted(name for name in rules.hosts if name.endswith(f":{port}")))
    for line in (
        f"open       http://{shown}:{port}{query}",
        f"shows      {hide_password(storage.url)}",
        f"allowed    {who} may read; nobody can change anything",
        f"answers to {names}",
        "Ctrl-C ends it",
    ):
        write_line(line)

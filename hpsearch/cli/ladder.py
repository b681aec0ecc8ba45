"""`hpsearch run` of several budgets: a search each, and a table of all."""

from collections.abc import Sequence

from hpsearch.cli.session import ShownSession
from hpsearch.cli.signals import Interrupts
from hpsearch.sessions.climb import climb
from hpsearch.sessions.ladder import Rung
from hpsearch.views.ladder import describe_rung, show_rungs
from hpsearch.views.screen import open_console, write_json


class Ladder:
    """Several searches, one after the other."""

    def __init__(self, sessions: Sequence[ShownSession]) -> None:
        self._sessions = sessions

    def climb(self, interrupts: Interrupts) -> int:
        """Search rung after rung, and show what came of it; the exit code."""
        first = self._sessions[0]
        log = None if first.quiet else open_console(stderr=first.as_json)

        def announce(title: str) -> None:
            if log is not None:
                log.print(f"\n{title}", style="bold", soft_wrap=True)

        rungs = climb([shown.session for shown in self._sessions], first.progress, interrupts, announce)
        self._show(rungs)
        if interrupts.exit_code is not None:
            return interrupts.exit_code
        is_whole = len(rungs) == len(self._sessions) and all(rung.best is not None for rung in rungs)
        return 0 if is_whole else 1

    def _show(self, rungs: Sequence[Rung]) -> None:
        session = self._sessions[0]
        if session.as_json:
            write_json([describe_rung(rung, rungs) for rung in rungs])
            return
        console = open_console()
        show_rungs(console, rungs)
        if len(rungs) < len(self._sessions):
            console.print("\nThe same command goes on where this stopped:", soft_wrap=True)
            console.print(f"  {session.command}", style="bold cyan", soft_wrap=True)
            return
        console.print("\nNext")
        for rung in rungs:
            command = session.storage.complete_command(f"hpsearch export {rung.record.study.name}")
            console.print(f"  {command}", style="cyan", soft_wrap=True)
        names = " ".join(rung.record.study.name for rung in rungs)
        command = session.storage.complete_command(f"hpsearch report {names}")
        console.print(f"  {command}", style="cyan", soft_wrap=True)

"""A run as the command line shows it: what is asked, how it goes on, what came of it."""

from dataclasses import dataclass

from hpsearch.cli.flags import StorageChoice
from hpsearch.cli.signals import Interrupts
from hpsearch.sessions.session import Session, SessionResult
from hpsearch.views.result import Outcome, describe_outcome, show_outcome
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.terminal import TerminalProgress


@dataclass(frozen=True)
class ShownSession:
    """One run, as it was typed."""

    session: Session
    storage: StorageChoice
    command: str
    """What was typed."""
    quiet: bool
    as_json: bool

    @property
    def progress(self) -> TerminalProgress:
        """Where it is shown."""
        return TerminalProgress(None if self.quiet else open_console(stderr=self.as_json))

    def run(self, interrupts: Interrupts) -> int:
        """Search, show what came of it, and give the exit code."""
        return self._conclude(self.session.run(self.progress, interrupts), interrupts)

    def _conclude(self, result: SessionResult, interrupts: Interrupts) -> int:
        outcome = Outcome(result.ending, result.record, result.seconds, self.command, self.storage.complete_command)
        if self.as_json:
            write_json(describe_outcome(outcome))
        else:
            show_outcome(open_console(), outcome)
        if result.ending == "interrupted":
            return interrupts.exit_code or 1
        return 1 if result.record.best is None or result.ending == "study-stopped" else 0

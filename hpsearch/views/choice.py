"""Where a call shows how it goes on: a notebook, a terminal, or lines on stderr."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.sessions.progress import Progress


def choose_progress(is_shown: bool) -> "Progress":
    """What suits the place that this process runs in; nothing where nothing is to be shown."""
    if not is_shown:
        from hpsearch.sessions.unheard import UnheardProgress

        return UnheardProgress()
    if is_notebook():
        from hpsearch.views.notebook import NotebookProgress

        return NotebookProgress()
    from hpsearch.views.screen import open_console
    from hpsearch.views.terminal import TerminalProgress

    return TerminalProgress(open_console(stderr=True))


def is_notebook() -> bool:
    """Whether a notebook's kernel runs this process, which shows HTML; IPython on a terminal does not."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None

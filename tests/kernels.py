"""Kernels as notebooks have them: processes of their own that are told code and say what came of it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

START_SECONDS = 600
CELL_SECONDS = 600


class Kernel:
    """A kernel in a folder, and what its cells said."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client
        self.printed = ""
        """By all cells so far."""

    def run(self, code: str, *, interrupt_at: str | None = None) -> dict[str, Any]:
        """Execute a cell; press the stop button, once, when it has printed `interrupt_at`. Gives the kernel's reply."""

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                self.printed += message["content"]["text"]
                if interrupt_at is not None and interrupt_at in self.printed and not pressed:
                    pressed.append(True)
                    self.manager.interrupt_kernel()

        pressed: list[bool] = []
        reply: dict[str, Any] = self._client.execute_interactive(code, output_hook=hear, timeout=CELL_SECONDS)
        return reply["content"]

    def send(self, code: str) -> None:
        """Execute a cell that nobody waits for."""
        self._client.execute(code)


@contextmanager
def start_kernel(folder: Path) -> Iterator[Kernel]:
    """A kernel of this Python in `folder`; it is gone afterwards."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=START_SECONDS)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        with suppress(RuntimeError):
            manager.shutdown_kernel(now=True)

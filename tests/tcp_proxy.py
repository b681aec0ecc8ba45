"""A TCP proxy before a PostgreSQL server that cuts connections where a test wants it.

It runs its own event loop in a thread, so that the code under test may block.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

_COMMIT = b"COMMIT"
_CHUNK_BYTES = 65536

Side = Literal["before", "after"]
T = TypeVar("T")


@dataclass
class TcpProxy:
    """Forwards what comes in to a Unix socket."""

    upstream: Path
    host: str = "127.0.0.1"
    port: int = 0
    """Chosen by the system."""
    commits: int = 0
    """How many the clients have asked for."""
    cuts: int = 0
    """How many connections were cut on demand."""
    _cut_at: tuple[int, Side] | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _thread: threading.Thread | None = None

    def direct(self, url: str) -> str:
        """The URL of the same database, by way of the proxy."""
        parsed = sa.make_url(url)
        direct = parsed.set(host=self.host, port=self.port, query={})
        return direct.render_as_string(hide_password=False)

    def cut_commit(self, number: int, side: Side) -> None:
        """Cut the connection that asks for the so-manieth commit from now, from 1.

        Args:
            number: Which commit.
            side: Before the server hears of it, or after it has committed and before the client hears of that.
        """
        self.commits = 0
        self._cut_at = (number, side)

    def close_door(self) -> None:
        """Cut every open connection, and refuse new ones."""

        async def close() -> None:
            assert self._server is not None
            self._server.close()
            await self._close_writers()

        self._call(close())

    def open_door(self) -> None:
        """Take connections again, at the same port."""
        self._call(self._listen())

    def start(self) -> None:
        """Listen."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._call(self._listen())

    def close(self) -> None:
        """Cut everything and end."""
        self.close_door()
        self._call(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join()
        self._loop.close()

    def _call(self, action: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(action, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end_tasks(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _close_writers(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(str(self.upstream))
        except OSError:  # the server is down
            writer.transport.abort()
            return
        link = _Link(self, writer, server_writer)
        self._writers |= {writer, server_writer}
        try:
            await asyncio.gather(link.pump_up(reader), link.pump_down(server_reader))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            link.abort()
            self._writers -= {writer, server_writer}

    def note_commit(self) -> Side | None:
        """Count a commit; on which side of it to cut, if at all."""
        self.commits += 1
        if self._cut_at is None or self._cut_at[0] != self.commits:
            return None
        side, self._cut_at = self._cut_at[1], None
        self.cuts += 1
        return side


@dataclass
class _Link:
    """One client and its connection to the server."""

    proxy: TcpProxy
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    cuts_at_answer: bool = False

    def abort(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()

    async def pump_up(self, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            if _COMMIT in chunk:
                side = self.proxy.note_commit()
                if side == "before":
                    self.abort()
                    return
                self.cuts_at_answer = side == "after"
            self.server.write(chunk)
            await self.server.drain()
        with contextlib.suppress(OSError):
            self.server.write_eof()

    async def pump_down(self, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            if self.cuts_at_answer:
                break
            self.client.write(chunk)
            await self.client.drain()
        self.abort()


@contextmanager
def run_proxy(upstream: Path, host: str = "127.0.0.1") -> Iterator[TcpProxy]:
    """A proxy that is gone afterwards."""
    proxy = TcpProxy(upstream, host)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()

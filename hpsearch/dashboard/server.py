"""The dashboard on a socket, served by threads until a signal ends it."""

import logging
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import waitress.server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_THREADS = 8
_MOST_BODY_BYTES = 65_536
"""Of a note, the only thing that anybody may send."""


@dataclass(frozen=True)
class DashboardServer:
    """A server that is ready; it owns the socket."""

    listener: socket.socket
    application: "WSGIApplication"

    def serve(self) -> None:
        """Serve until SystemExit or KeyboardInterrupt comes into this thread, as a signal's handler raises it."""
        logging.getLogger("waitress").setLevel(logging.ERROR)
        server = waitress.server.create_server(
            self.application,
            sockets=[self.listener],
            threads=_THREADS,
            ident=None,
            max_request_body_size=_MOST_BODY_BYTES,
            clear_untrusted_proxy_headers=True,
        )
        try:
            server.run()
        finally:
            server.close()

"""Where the dashboard listens, and the names under which browsers may ask for it."""

import errno
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.errors import InputError
from hpsearch.wording import quote

_LARGEST_PORT = 65_535
_HTTP_PORT = 80
_HOST = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Address:
    """One address of this machine, and the name by which it was given."""

    host: str
    family: socket.AddressFamily
    socket_address: tuple[Any, ...]

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine itself reaches it."""
        return ipaddress.ip_address(str(self.socket_address[0]).partition("%")[0]).is_loopback

    @property
    def is_every_address(self) -> bool:
        """Whether it stands for all addresses of this machine."""
        return ipaddress.ip_address(str(self.socket_address[0]).partition("%")[0]).is_unspecified


def find_address(host: str, port: int) -> Address:
    """The address that a host name or address and a port mean.

    Raises:
        InputError: The port is out of range, or the host is unknown.
    """
    if not 0 <= port <= _LARGEST_PORT:
        raise InputError(f"--port {port} is not allowed: give a whole number from 1 to {_LARGEST_PORT}, or 0 for any")
    bare = host.strip().removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM) if bare else []
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"--host {quote(host)} is unknown ({reason}): give 127.0.0.1 or an address of this machine"
        ) from error
    if not found:
        raise InputError(f"--host {quote(host)} names nothing: give 127.0.0.1 or an address of this machine")
    # Of a name with several addresses the first one of the fourth version, which every browser tries.
    family, _, _, _, socket_address = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)[0]
    return Address(bare.lower(), family, socket_address)


def listen(address: Address) -> socket.socket:
    """A socket that listens there.

    Raises:
        InputError: Something else does already, or the system does not allow it.
    """
    listener = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address.socket_address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        port = address.socket_address[1]
        match error.errno:
            case errno.EADDRINUSE:
                raise InputError(f"port {port} is taken: give another --port, or 0 for any that is free") from error
            case errno.EACCES:
                raise InputError(f"port {port} is not for you: give a --port from 1024 up") from error
            case errno.EADDRNOTAVAIL:
                raise InputError(f"--host {quote(address.host)} is no address of this machine") from error
        raise InputError(f"cannot listen on {address.host} port {port}: {error.strerror or error}") from error
    return listener


def list_allowed_hosts(address: Address, port: int, further: Sequence[str]) -> frozenset[str]:
    """The Host headers that are served.

    Args:
        address: Where the dashboard listens.
        port: On which port.
        further: Names that a person allows, each with a port or for this one; for a proxy also without any.

    Raises:
        InputError: One of them is no name of a host.
    """
    names = list(_LOOPBACK_NAMES)
    if not address.is_every_address:
        names.append(f"[{address.host}]" if ":" in address.host else address.host)
    allowed = {f"{name}:{port}" for name in names}
    if port == _HTTP_PORT:
        allowed |= set(names)
    for name in further:
        if _HOST.fullmatch(name) is None:
            raise InputError(f"--allowed-host {quote(name)} is not allowed: give a host's name, or NAME:PORT")
        allowed |= {name.lower()} if re.search(r":[0-9]+$", name) else {name.lower(), f"{name.lower()}:{port}"}
    return frozenset(allowed)

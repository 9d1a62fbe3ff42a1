"""Free TCP ports of the loopback interface."""

import contextlib
import random
import socket
from pathlib import Path
from typing import Final

from deploy.local.servers.errors import ServerError

LOOPBACK = "127.0.0.1"

_FIRST_PORT: Final = 15_000  # browsers refuse some of the ports below
_ENOUGH_PORTS: Final = 1_000
_USUAL_FIRST_EPHEMERAL_PORT: Final = 32_768  # as Linux is set up


def reserve_port() -> int:
    """Return a free loopback port that the kernel gives no connection, and that is reserved for a minute.

    The ports that connections are given are left alone: kept for a later start, one of those would be taken
    by then. A connection that this side closes first leaves the port in TIME_WAIT: nobody reserves it then,
    while a server (all of ours bind with SO_REUSEADDR) can take it.
    """
    while True:
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind((LOOPBACK, random.randrange(_FIRST_PORT, _first_ephemeral_port())))  # noqa: S311 - no secret
            # Not before: then it would take one that is reserved. Without it, no server of ours could take it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.listen(1)
            port: int = listener.getsockname()[1]
            with socket.create_connection((LOOPBACK, port)):
                accepted, _ = listener.accept()
                accepted.close()
            return port


def _first_ephemeral_port() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        first = 0
    return first if first > _FIRST_PORT + _ENOUGH_PORTS else _USUAL_FIRST_EPHEMERAL_PORT


def is_port_free(port: int) -> bool:
    """Tell whether a server could listen on a loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free_port(server: str, port: int) -> None:
    """Raise `ServerError` if something already listens on `port`, which `server` was told to use."""
    if not is_port_free(port):
        message = f"{server} cannot start: port {port} of {LOOPBACK} is taken by another program; stop it first."
        raise ServerError(message)

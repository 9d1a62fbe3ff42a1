"""Free TCP ports of the loopback interface."""

import socket

from deploy.local.servers.errors import ServerError

LOOPBACK = "127.0.0.1"


def reserve_port() -> int:
    """Return a free loopback port that the kernel gives to nobody else for a minute.

    A connection that this side closes first leaves the port in TIME_WAIT: it is not handed out again as
    an ephemeral port, while a server (all of ours bind with SO_REUSEADDR) can take it.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, 0))
        listener.listen(1)
        port: int = listener.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            accepted, _ = listener.accept()
            accepted.close()
    return port


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

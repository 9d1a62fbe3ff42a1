"""A TCP proxy in front of MariaDB that loses the server's answers from a moment on, and cuts the connection."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_CHUNK_BYTES: Final = 65_536


@contextmanager
def losing_answers(port: int, is_time: Callable[[], bool]) -> Iterator[int]:
    """Give the port of a proxy to `port`; it asks `is_time` before it hands an answer on, and cuts when that is so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=_accept, args=(server, port, is_time), daemon=True)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(server: socket.socket, port: int, is_time: Callable[[], bool]) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # closed
        upstream = socket.create_connection(("127.0.0.1", port))
        for pumped in ((client, upstream, lambda: False), (upstream, client, is_time)):
            threading.Thread(target=_pump, args=pumped, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, is_time: Callable[[], bool]) -> None:
    try:
        while (chunk := source.recv(_CHUNK_BYTES)) and not is_time():
            target.sendall(chunk)
    except OSError:
        pass  # the other direction was cut
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)  # closing would not wake the other direction
        end.close()

"""The log-in of RDS Proxy, as far as a token goes: over TLS, it asks for the password as it is, and lets nobody in.

After MySQL's protocol: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
"""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue
from typing import Final

from deploy.local.servers.certificates import Certificates

# Long password, found rows, protocol 41, TLS, transactions, secure connection, plugin authentication and its data.
_CAPABILITIES: Final = 0x1 | 0x2 | 0x8 | 0x200 | 0x800 | 0x2000 | 0x8000 | 0x80000 | 0x200000
_UTF8MB4: Final = 45
_REFUSED: Final = b"\xff" + struct.pack("<H", 1045) + b"#28000" + b"Access denied"


@contextmanager
def asking_for_the_password(certificates: Certificates) -> Iterator[tuple[int, "Queue[bytes]"]]:
    """Serve one log-in on a loopback port; what was sent as the password comes out of the queue."""
    sent: Queue[bytes] = Queue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, certificates, sent), daemon=True)
        thread.start()
        yield listener.getsockname()[1], sent
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, certificates: Certificates, sent: "Queue[bytes]") -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server_certificate_path, certificates.server_key_path)
    with suppress(OSError), listener.accept()[0] as plain:
        _write(plain, 0, _greeting())
        _read(plain)  # the request for TLS, which comes before any name or password
        with context.wrap_socket(plain, server_side=True) as session:
            number, _ = _read(session)
            _write(session, number + 1, b"\xfemysql_clear_password\0")
            number, password = _read(session)
            sent.put(password.rstrip(b"\0"))
            _write(session, number + 1, _REFUSED)


def _greeting() -> bytes:
    low, high = struct.pack("<I", _CAPABILITIES)[:2], struct.pack("<I", _CAPABILITIES)[2:]
    scramble = b"s" * 20
    start = b"\x0a8.4.0\0" + struct.pack("<I", 1) + scramble[:8] + b"\0" + low + bytes([_UTF8MB4]) + b"\x02\0" + high
    return start + bytes([21]) + b"\0" * 10 + scramble[8:] + b"\0" + b"caching_sha2_password\0"


def _read(connection: socket.socket) -> tuple[int, bytes]:
    """Return the number and the content of the next packet."""
    header = _exactly(connection, 4)
    return header[3], _exactly(connection, int.from_bytes(header[:3], "little"))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("the client went away")
        data += more
    return data


def _write(connection: socket.socket, number: int, content: bytes) -> None:
    connection.sendall(len(content).to_bytes(3, "little") + bytes([number]) + content)

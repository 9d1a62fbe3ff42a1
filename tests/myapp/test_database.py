"""The database is spoken to over TLS, and only when its certificate is from the right authority and has its name."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.mysql.base import DatabaseWrapper

from deploy.local.servers.certificates import ensure_certificates

NAMELESS = "127.0.0.2"  # this machine too, but no name of the certificate's


@pytest.fixture
def nameless_port() -> Iterator[int]:
    """A port at an address that the server's certificate does not name; behind it is the server."""
    database = connection.settings_dict
    with socket.create_server((NAMELESS, 0)) as listener:
        Thread(target=_relay, args=(listener, (database["HOST"], int(database["PORT"]))), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _relay(listener: socket.socket, server: tuple[str, int]) -> None:
    """Pass on what one client and the server say, until the listener is shut."""
    with suppress(OSError), listener.accept()[0] as client, socket.create_connection(server) as upstream:
        back = Thread(target=_pass_on, args=(upstream, client), daemon=True)
        back.start()
        _pass_on(client, upstream)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def connected(**changes: Any) -> str:
    """Connect as the application does, but for these settings; return the version of TLS."""
    database = connection.copy()
    assert isinstance(database, DatabaseWrapper)
    database.settings_dict = {**database.settings_dict, **changes}
    try:
        with database.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
            return str(cursor.fetchone()[1])
    finally:
        database.close()


def test_server_of_the_right_name_is_spoken_to_over_tls(db: None) -> None:
    assert connected() == "TLSv1.3"


def test_server_of_another_name_is_refused(db: None, nameless_port: int) -> None:
    with pytest.raises(OperationalError, match="Validation of SSL server certificate failed"):
        connected(HOST=NAMELESS, PORT=str(nameless_port))


def test_server_that_only_another_authority_vouches_for_is_refused(db: None, tmp_path: Path) -> None:
    options = connection.settings_dict["OPTIONS"]
    other = ensure_certificates(tmp_path / "other").ca_path
    with pytest.raises(OperationalError, match="self-signed certificate"):
        connected(OPTIONS={**options, "ssl": {"ca": str(other)}})


def test_name_is_checked_by_mysqls_own_client_too() -> None:
    """MariaDB's, which the tests run with, checks it in any verifying mode: so the setting itself is looked at."""
    assert connection.settings_dict["OPTIONS"]["ssl_mode"] == "VERIFY_IDENTITY"

import socket
import ssl
from pathlib import Path
from threading import Thread

import pytest

from deploy.local.servers.certificates import Certificates, ensure_certificates


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return ensure_certificates(tmp_path / "certificates")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_clients_verify_the_server_by_name(certificates: Certificates, name: str) -> None:
    server_side, client_side = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.server_certificate_path, certificates.server_key_path)
    client = ssl.create_default_context(cafile=certificates.ca_path)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    thread = Thread(target=lambda: server.wrap_socket(server_side, server_side=True).close())
    thread.start()
    with client.wrap_socket(client_side, server_hostname=name) as connection:
        assert connection.version() == "TLSv1.3"
    thread.join()


def test_are_made_once(certificates: Certificates) -> None:
    before = certificates.ca_path.read_text()
    assert ensure_certificates(certificates.ca_path.parent).ca_path.read_text() == before


def test_the_servers_key_is_nobody_elses_to_read(certificates: Certificates) -> None:
    assert certificates.server_key_path.stat().st_mode & 0o007 == 0

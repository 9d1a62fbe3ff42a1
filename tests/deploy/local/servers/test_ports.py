import socket

import pytest

from deploy.local.servers.ports import LOOPBACK, is_port_free, reserve_port


def test_reserved_ports_differ_and_can_be_listened_on() -> None:
    ports = [reserve_port() for _ in range(50)]

    assert len(set(ports)) == 50
    assert all(is_port_free(port) for port in ports)


def test_reserved_port_is_none_that_a_connection_is_given() -> None:
    with socket.create_server((LOOPBACK, 0)) as server, socket.create_connection(server.getsockname()) as connection:
        given = connection.getsockname()[1]

        assert max(reserve_port() for _ in range(50)) < given


def test_port_with_a_listener_is_not_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, reserve_port())) as server:
        taken = server.getsockname()[1]
        choices = iter([taken, taken + 1])
        monkeypatch.setattr("deploy.local.servers.ports.random.randrange", lambda *_: next(choices))

        assert reserve_port() != taken

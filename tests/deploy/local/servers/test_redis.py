from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from deploy.local.servers.errors import ServerError
from deploy.local.servers.redis import RedisServer, start_redis


@pytest.fixture
def server(parent: Path) -> Iterator[RedisServer]:
    server = start_redis(parent / "redis", log_path=parent / "redis.log")
    yield server
    server.stop()


def test_refuses_a_client_without_the_password(server: RedisServer) -> None:
    with Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as client, pytest.raises(AuthenticationError):
        client.ping()


def test_would_rather_refuse_than_forget(server: RedisServer) -> None:
    with Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_keeps_what_it_was_given(server: RedisServer, parent: Path) -> None:
    with Redis.from_url(server.url) as client:
        client.set("kept", "7")
    server.stop()
    again = start_redis(parent / "redis", log_path=parent / "redis.log")
    with Redis.from_url(again.url) as client:
        assert client.get("kept") == b"7"
    again.stop()


def test_names_a_missing_program(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServerError, match="redis-server is not installed: run `make setup`"):
        start_redis(parent / "redis", log_path=parent / "redis.log")

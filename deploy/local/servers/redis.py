"""A private Redis: Celery's broker, which must lose nothing that it was given."""

from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from deploy.local.processes import ChildProcess
from deploy.local.servers.launch import STOP_SECONDS, find_program, launch, open_folder
from deploy.local.servers.ports import LOOPBACK, require_free_port, reserve_port

NAME = "Redis"
USER = "default"

# noeviction: a full broker refuses new tasks instead of dropping old ones.
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{data}"
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
save ""
daemonize no
"""


@dataclass(frozen=True)
class RedisServer:
    """A running Redis."""

    host: str
    port: int
    user: str
    password: str
    process: ChildProcess

    @property
    def url(self) -> str:
        """The `redis://` address of its database 0; the password in it needs no quoting."""
        return f"redis://:{self.password}@{self.host}:{self.port}/0"

    def stop(self) -> None:
        """Stop it; what it was given is on disk."""
        self.process.stop(STOP_SECONDS)


def start_redis(path: Path, *, log_path: Path, port: int | None = None) -> RedisServer:
    """Start a Redis whose data is in the folder `path`, made the first time, else as it was left.

    Args:
        path: the server's own folder; its parent exists.
        log_path: what it prints is appended to this file.
        port: the loopback port; any free one if None.

    Raises:
        ServerError: the program is missing, the port is taken, or the server did not start.
    """
    program = find_program("redis-server")
    if port is not None:
        require_free_port(NAME, port)
    folder = open_folder(path)
    folder.account.make_owned_folder(folder.data)
    port = port or reserve_port()
    text = CONFIGURATION.format(host=LOOPBACK, port=port, password=folder.password, data=folder.data)
    command = [program, folder.write_configuration("redis.conf", text)]
    server = (LOOPBACK, port, USER, folder.password)
    process = launch(NAME, folder, command, log_path=log_path, answers=lambda: _answers(*server))
    return RedisServer(*server, process)


def _answers(host: str, port: int, user: str, password: str) -> bool:
    client = Redis(host=host, port=port, username=user, password=password, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()

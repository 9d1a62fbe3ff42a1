"""A private Redis: Celery's broker, which must lose nothing that it was given."""

from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from deploy.local.processes import ChildProcess
from deploy.local.servers.certificates import Certificates
from deploy.local.servers.launch import STOP_SECONDS, find_program, launch, open_folder
from deploy.local.servers.ports import LOOPBACK, require_free_port, reserve_port

NAME = "Redis"
USER = "default"

# noeviction: a full broker refuses new tasks instead of dropping old ones.
CONFIGURATION = """\
bind {host}
{listening}
requirepass {password}
dir "{data}"
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
save ""
daemonize no
"""
TLS = """\
port 0
tls-port {port}
tls-cert-file "{certificates.server_certificate_path}"
tls-key-file "{certificates.server_key_path}"
tls-auth-clients no"""


@dataclass(frozen=True)
class RedisServer:
    """A running Redis."""

    host: str
    port: int
    user: str
    password: str
    ca_path: Path | None  # what verifies its certificate, if it speaks TLS
    process: ChildProcess

    @property
    def url(self) -> str:
        """The address of its database 0; the password in it needs no quoting."""
        return f"{'rediss' if self.ca_path else 'redis'}://:{self.password}@{self.host}:{self.port}/0"

    def stop(self) -> None:
        """Stop it; what it was given is on disk."""
        self.process.stop(STOP_SECONDS)


def start_redis(
    path: Path, *, log_path: Path, port: int | None = None, certificates: Certificates | None = None
) -> RedisServer:
    """Start a Redis whose data is in the folder `path`, made the first time, else as it was left.

    Args:
        path: the server's own folder; its parent exists.
        log_path: what it prints is appended to this file.
        port: the loopback port; any free one if None.
        certificates: what it shows to clients; without them it speaks no TLS.

    Raises:
        ServerError: the program is missing, the port is taken, or the server did not start.
    """
    program = find_program("redis-server")
    if port is not None:
        require_free_port(NAME, port)
    folder = open_folder(path)
    folder.account.make_owned_folder(folder.data)
    port = port or reserve_port()
    listening = TLS.format(port=port, certificates=certificates) if certificates else f"port {port}"
    text = CONFIGURATION.format(host=LOOPBACK, listening=listening, password=folder.password, data=folder.data)
    command = [program, folder.write_configuration("redis.conf", text)]
    server = (LOOPBACK, port, USER, folder.password, certificates.ca_path if certificates else None)
    process = launch(NAME, folder, command, log_path=log_path, answers=lambda: _answers(*server))
    return RedisServer(*server, process)


def _answers(host: str, port: int, user: str, password: str, ca_path: Path | None) -> bool:
    client = Redis(
        host=host,
        port=port,
        username=user,
        password=password,
        retry=Retry(NoBackoff(), 0),
        ssl=ca_path is not None,
        ssl_ca_certs=str(ca_path) if ca_path else None,
    )
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()

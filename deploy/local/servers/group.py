"""The three private servers, started and stopped together."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers.certificates import Certificates, ensure_certificates
from deploy.local.servers.launch import stop_recorded_servers
from deploy.local.servers.mariadb import MariadbServer, start_mariadb
from deploy.local.servers.postgres import PostgresServer, start_postgres
from deploy.local.servers.redis import RedisServer, start_redis


@dataclass(frozen=True)
class ServerGroup:
    """Three running servers, and the certificates that local TLS servers show."""

    certificates: Certificates
    mariadb: MariadbServer
    postgres: PostgresServer
    redis: RedisServer

    def stop(self) -> None:
        """Stop them at the same time."""
        with ThreadPoolExecutor() as pool:
            for server in (self.mariadb, self.postgres, self.redis):
                pool.submit(server.stop)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that tell MyApp where its database and its broker are."""
        return {**self.mariadb.environment(), "MYAPP_REDIS_URL": self.redis.url}


def start_server_group(parent: Path, logs: Path, *, is_durable: bool = True) -> ServerGroup:
    """Start MariaDB, PostgreSQL and Redis side by side, each with a folder of its own in `parent`.

    Args:
        parent: where their data is, or will be; the servers' account must be able to pass through it.
        logs: the folder of their logs.
        is_durable: False for data that nobody keeps: the disk is not waited for.

    Raises:
        ServerError: one of them could not be started; the others are stopped again.
    """
    certificates = ensure_certificates(parent / "certificates")
    flush = 1 if is_durable else 0
    try:
        with ThreadPoolExecutor() as pool:
            mariadb = pool.submit(
                start_mariadb,
                parent / "mariadb",
                certificates=certificates,
                log_path=logs / "mariadb.log",
                flush_log_at_commit=flush,
            )
            postgres = pool.submit(
                start_postgres, parent / "postgres", log_path=logs / "postgres.log", is_durable=is_durable
            )
            redis = pool.submit(start_redis, parent / "redis", log_path=logs / "redis.log")
        return ServerGroup(certificates, mariadb.result(), postgres.result(), redis.result())
    except BaseException:  # a Ctrl-C as well must not leave any behind
        stop_recorded_servers(parent)
        raise

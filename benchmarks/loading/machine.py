"""What a load needs: a durable MariaDB of its own with MyApp's tables, and an S3; all of it is removed afterwards."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import pymysql
from moto.server import ThreadedMotoServer
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.processes import wait_until
from deploy.local.servers.certificates import ensure_certificates
from deploy.local.servers.mariadb import MariadbServer, start_mariadb
from deploy.local.state import REPOSITORY, SHARED_PREFIX, make_shared_folder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET: Final = "unloads"
_OWNER: Final = "123456789012"  # moto's own account
_SETTLE_SECONDS: Final = 60.0
# innodb_flush_log_at_trx_commit is 1 as it was started; a 32 MB redo log would measure its own checkpoints.
_SERVER_OPTIONS: Final = {
    "innodb_buffer_pool_size": 512 * 2**20,
    "innodb_log_file_size": 512 * 2**20,
    "local_infile": 1,
}
# Writes what is in memory at once, which would else take minutes; not while anything is measured.
_SETTLING: Final = {
    "innodb_max_dirty_pages_pct": 0,
    "innodb_max_dirty_pages_pct_lwm": 0,
    "innodb_io_capacity_max": 40_000,
    "innodb_io_capacity": 20_000,
}
_AWS: Final = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass(frozen=True)
class Machine:
    """Running servers; `folder` is for files, `environment` is what the upsert function is given."""

    folder: Path
    mariadb: MariadbServer
    s3: "S3Client"
    environment: dict[str, str]

    def connect(self) -> "Connection[Cursor]":
        """Open a session as the loader opens one: TLS, strict mode, READ COMMITTED; it may send local files."""
        return pymysql.connect(
            host="localhost",
            port=self.mariadb.port,
            user=self.mariadb.user,
            password=self.mariadb.password,
            database=self.mariadb.database,
            charset="utf8mb4",
            sql_mode="STRICT_ALL_TABLES",
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            ssl_ca=str(self.mariadb.ca_path),
            local_infile=True,
        )

    def configure(self) -> None:
        """Give the server the options it is measured with."""
        with self.connect() as session, session.cursor() as cursor:
            for name, value in _SERVER_OPTIONS.items():
                cursor.execute(f"SET GLOBAL {name} = {value}")

    def empty(self, *tables: str) -> None:
        """Empty tables, and wait until the server has written and purged what it had to."""
        with self.connect() as session, session.cursor() as cursor:
            for table in tables:
                cursor.execute(f"TRUNCATE TABLE `{table}`")
        self.settle()

    def settle(self) -> None:
        """Wait until the server has nothing left to do: no row to purge, no page to write."""
        with self.connect() as session, session.cursor() as cursor:
            for name, value in _SETTLING.items():
                cursor.execute(f"SET GLOBAL {name} = {value}")
            wait_until(lambda: _is_idle(cursor), _SETTLE_SECONDS)
            for name in _SETTLING:
                cursor.execute(f"SET GLOBAL {name} = DEFAULT")


def _is_idle(cursor: Cursor) -> bool:
    cursor.execute(
        "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_buffer_pool_pages_dirty', 'Innodb_history_list_length')"
    )
    return all(int(value) < 100 for _, value in cursor.fetchall())


@contextmanager
def started_machine() -> Iterator[Machine]:
    """Start the servers for the block; stop them and delete their data at its end."""
    folder = make_shared_folder(f"{SHARED_PREFIX}benchmark-")
    try:
        with _s3_endpoint() as endpoint, _mariadb(folder) as mariadb:
            _migrate(mariadb)
            aws = {**_AWS, "AWS_ENDPOINT_URL": endpoint}
            os.environ.update(aws)
            s3 = boto3.client("s3")
            s3.create_bucket(Bucket=BUCKET)
            machine = Machine(folder, mariadb, s3, {**aws, **_function_environment(mariadb)})
            machine.configure()
            yield machine
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _s3_endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def _mariadb(folder: Path) -> Iterator[MariadbServer]:
    certificates = ensure_certificates(folder / "certificates")
    server = start_mariadb(folder / "mariadb", certificates=certificates, log_path=folder / "mariadb.log")
    try:
        yield server
    finally:
        server.stop()


def _migrate(mariadb: MariadbServer) -> None:
    needed = {"MYAPP_SECRET_KEY": "benchmark", "MYAPP_REDIS_URL": "redis://none"}
    environment = {**mariadb.environment(), **needed}
    command = [sys.executable, str(REPOSITORY / "manage.py"), "migrate", "--verbosity=0"]
    subprocess.run(command, env={**os.environ, **environment}, check=True)


def _function_environment(mariadb: MariadbServer) -> dict[str, str]:
    secret = boto3.client("secretsmanager").create_secret(
        Name="loader-database", SecretString=json.dumps({"password": mariadb.password})
    )
    return {
        "QUEUE_URL": "https://queue.example/of-the-function",  # the loader itself sends nothing there
        "UNLOAD_BUCKET": BUCKET,
        "UNLOAD_BUCKET_OWNER": _OWNER,
        "DATABASE_HOST": "localhost",
        "DATABASE_PORT": str(mariadb.port),
        "DATABASE_NAME": mariadb.database,
        "DATABASE_USER": mariadb.user,
        "DATABASE_AUTH": "secret",
        "DATABASE_SECRET_ARN": secret["ARN"],
        "DATABASE_CA_BUNDLE": str(mariadb.ca_path),
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }

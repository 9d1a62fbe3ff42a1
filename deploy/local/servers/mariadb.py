"""A private MariaDB: the stand-in for MySQL 8, with TLS and MySQL 8's own defaults where they differ."""

from dataclasses import dataclass
from pathlib import Path

import pymysql

from deploy.local.processes import ChildProcess
from deploy.local.servers.certificates import Certificates
from deploy.local.servers.launch import STOP_SECONDS, ServerFolder, find_program, launch, open_folder
from deploy.local.servers.ports import LOOPBACK, require_free_port, reserve_port

NAME = "MariaDB"
USER = "myapp"

# The collation is the nearest to MySQL 8's utf8mb4_0900_ai_ci: no padding, accents and case ignored.
# socket is left empty: a socket's path ends at 107 bytes, and TCP is what is used in an account.
# tmpdir is its own: a MariaDB that starts deletes the temporary tables of every other one that shares its folder.
OPTIONS = """\
[mariadbd]
datadir = {data}
tmpdir = {temporary}
bind-address = {host}
port = {port}
socket =
init-file = {init_file}
skip-name-resolve
ssl-ca = {certificates.ca_path}
ssl-cert = {certificates.server_certificate_path}
ssl-key = {certificates.server_key_path}
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_520_nopad_ci
sql-mode = ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
NO_ENGINE_SUBSTITUTION
transaction-isolation = READ-COMMITTED
default-time-zone = +00:00
innodb-flush-log-at-trx-commit = {flush_log_at_commit}
innodb-log-file-size = 32M
max-allowed-packet = 64M
max-connections = 200
local-infile = OFF
"""

# Runs before the first connection is accepted, so that there is never a moment without a password.
INIT_FILE = """\
CREATE USER IF NOT EXISTS '{user}'@'{host}';
ALTER USER '{user}'@'{host}' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON *.* TO '{user}'@'{host}' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS {database} COLLATE utf8mb4_bin;
"""


@dataclass(frozen=True)
class MariadbServer:
    """A running MariaDB; `user` may do everything, `ca_path` verifies its TLS certificate."""

    host: str
    port: int
    user: str
    password: str
    database: str
    ca_path: Path
    process: ChildProcess

    def environment(self) -> dict[str, str]:
        """Return the environment variables that tell MyApp where its database is."""
        return {
            "MYAPP_DATABASE_HOST": self.host,
            "MYAPP_DATABASE_PORT": str(self.port),
            "MYAPP_DATABASE_NAME": self.database,
            "MYAPP_DATABASE_USER": self.user,
            "MYAPP_DATABASE_PASSWORD": self.password,
            "MYAPP_DATABASE_CA_BUNDLE": str(self.ca_path),
        }

    def stop(self) -> None:
        """Stop it; what was committed is on disk."""
        self.process.stop(STOP_SECONDS)


def start_mariadb(
    path: Path,
    *,
    certificates: Certificates,
    log_path: Path,
    port: int | None = None,
    flush_log_at_commit: int = 1,
    database: str = "myapp",
) -> MariadbServer:
    """Start a MariaDB whose data is in the folder `path`, made the first time, else as it was left.

    Args:
        path: the server's own folder; its parent exists.
        certificates: what it shows to clients.
        log_path: what it prints is appended to this file.
        port: the loopback port; any free one if None.
        flush_log_at_commit: InnoDB's setting; 1 is durable, 0 is for data that nobody keeps.
        database: made if it does not exist; its text compares by bytes, as Django's settings ask of tests.

    Raises:
        ServerError: a program is missing, the port is taken, or the server did not start.
    """
    program = find_program("mariadbd")
    if port is not None:
        require_free_port(NAME, port)
    folder = open_folder(path)
    if not (folder.data / "mysql").is_dir():
        _make_data(folder)
    port = port or reserve_port()
    options = _configure(folder, port, certificates, flush_log_at_commit, database)
    command = [str(program), f"--defaults-file={options}"]
    server = (LOOPBACK, port, USER, folder.password, database, certificates.ca_path)
    process = launch(NAME, folder, command, log_path=log_path, answers=lambda: _answers(*server))
    return MariadbServer(*server, process)


def _make_data(folder: ServerFolder) -> None:
    folder.account.make_owned_folder(folder.data)
    program = find_program("mariadb-install-db")
    places = [f"--datadir={folder.data}", f"--tmpdir={_temporary_folder(folder)}"]
    options = ["--no-defaults", *places, "--skip-test-db", "--innodb-log-file-size=32M"]
    # root may connect only through a socket, and the server opens none.
    folder.run_once(NAME, [program, *options, "--auth-root-authentication-method=socket"])


def _temporary_folder(folder: ServerFolder) -> Path:
    path = folder.path / "temporary"
    folder.account.make_owned_folder(path)
    return path


def _configure(
    folder: ServerFolder, port: int, certificates: Certificates, flush_log_at_commit: int, database: str
) -> Path:
    statements = INIT_FILE.format(user=USER, host=LOOPBACK, password=folder.password, database=database)
    options = OPTIONS.format(
        data=folder.data,
        temporary=_temporary_folder(folder),
        host=LOOPBACK,
        port=port,
        init_file=folder.write_configuration("init.sql", statements),
        certificates=certificates,
        flush_log_at_commit=flush_log_at_commit,
    )
    return folder.write_configuration("my.cnf", options)


def _answers(host: str, port: int, user: str, password: str, database: str, ca_path: Path) -> bool:
    try:
        connection = pymysql.connect(
            host=host,
            port=port,
            user=user,
            password=password,
            database=database,
            ssl_ca=str(ca_path),
            ssl_verify_cert=True,
            ssl_verify_identity=True,
        )
    except pymysql.err.OperationalError:
        return False
    connection.close()
    return True

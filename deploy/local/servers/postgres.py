"""A private PostgreSQL: what the local stand-in for Redshift stores its tables in."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.local.processes import ChildProcess
from deploy.local.servers.errors import ServerError
from deploy.local.servers.launch import STOP_SECONDS, ServerFolder, find_program, launch, open_folder
from deploy.local.servers.ports import LOOPBACK, require_free_port, reserve_port

NAME = "PostgreSQL"
USER = "postgres"
OLDEST_VERSION = 15
# Debian and Homebrew keep the server's programs out of PATH, in a folder a version.
VERSIONED_FOLDERS = (
    "/usr/lib/postgresql/{version}/bin",
    "/opt/homebrew/opt/postgresql@{version}/bin",
    "/usr/local/opt/postgresql@{version}/bin",
)
# Redshift compares text by its bytes, yet knows the case of letters outside ASCII.
CHARACTER_TYPES = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL; `user` is its superuser."""

    host: str
    port: int
    user: str
    password: str
    process: ChildProcess

    def stop(self) -> None:
        """Stop it at once; open transactions are rolled back."""
        self.process.stop(STOP_SECONDS)


def start_postgres(path: Path, *, log_path: Path, port: int | None = None, is_durable: bool = True) -> PostgresServer:
    """Start a PostgreSQL whose data is in the folder `path`, made the first time, else as it was left.

    Args:
        path: the server's own folder; its parent exists.
        log_path: what it prints is appended to this file.
        port: the loopback port; any free one if None.
        is_durable: False trades a crash's safety for speed, for data that nobody keeps.

    Raises:
        ServerError: a program is missing or too old, the port is taken, or the server did not start.
    """
    programs = _find_programs()
    if port is not None:
        require_free_port(NAME, port)
    folder = open_folder(path)
    if not (folder.data / "PG_VERSION").exists():
        _make_data(folder, programs)
    _discard_foreign_pid_file(folder)
    port = port or reserve_port()
    server = (LOOPBACK, port, USER, folder.password)
    process = launch(
        NAME,
        folder,
        [programs / "postgres", "-D", folder.data, *_settings(port, is_durable=is_durable)],
        log_path=log_path,
        answers=lambda: _answers(*server),
        stop_signal=signal.SIGINT,  # PostgreSQL's "fast" shutdown; SIGTERM would wait for clients to leave
    )
    return PostgresServer(*server, process)


def _find_programs() -> Path:
    folders = [
        folder.format(version=version) for version in range(20, OLDEST_VERSION - 1, -1) for folder in VERSIONED_FOLDERS
    ]
    programs = find_program("initdb", folders).resolve().parent
    version = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.split()[2].partition(".")[0]) < OLDEST_VERSION:
        raise ServerError(f"{version.strip()} is too old: install PostgreSQL {OLDEST_VERSION} or later.")
    return programs


def _make_data(folder: ServerFolder, programs: Path) -> None:
    folder.account.make_owned_folder(folder.data)
    options = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={folder.password_path}", "--no-sync"]
    locale = ["--encoding=UTF8", "--locale=C", f"--lc-ctype={CHARACTER_TYPES}"]
    folder.run_once(NAME, [programs / "initdb", f"--pgdata={folder.data}", *options, *locale])


def _settings(port: int, *, is_durable: bool) -> list[str]:
    settings = {
        "listen_addresses": LOOPBACK,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        "jit": "off",  # wide statements over few rows: compiling them takes longer than running them
        "work_mem": "64MB",
        "TimeZone": "UTC",
        "log_timezone": "UTC",
    }
    if not is_durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return [f"--{name}={value}" for name, value in settings.items()]


def _discard_foreign_pid_file(folder: ServerFolder) -> None:
    """Remove a crashed server's pid file whose number now belongs to another program of the same account.

    PostgreSQL itself sees through all other stale pid files; after a restart of the machine, our own
    MariaDB may well have the old number.
    """
    pid_file = folder.data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split()[0])
        program = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return
    if str(folder.data).encode() not in program:
        pid_file.unlink()


def _answers(host: str, port: int, user: str, password: str) -> bool:
    try:
        connection = psycopg.connect(host=host, port=port, user=user, password=password, dbname="postgres")
    except psycopg.OperationalError:
        return False
    connection.close()
    return True

"""What every private server has in common: its folder, its password, and waiting until it answers."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.processes import ChildProcess, describe_exit, last_lines, start_process, stop_recorded, wait_until
from deploy.local.servers.account import Account, server_account
from deploy.local.servers.errors import ServerError

PROGRAM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")
READY_SECONDS = 60.0
STOP_SECONDS = 60.0
RECORD_NAME = "process.json"


@dataclass(frozen=True)
class ServerFolder:
    """The folder of one server: its data belongs to the server, what configures it only to us."""

    path: Path
    account: Account

    @property
    def data(self) -> Path:
        """What the server writes."""
        return self.path / "data"

    @property
    def password(self) -> str:
        """The random password of this server, kept in `password_path`."""
        return self.password_path.read_text()

    @property
    def password_path(self) -> Path:
        """A file that holds only the password."""
        return self.path / "password"

    @property
    def record_path(self) -> Path:
        """The record of the running process."""
        return self.path / RECORD_NAME

    def write_configuration(self, name: str, text: str) -> Path:
        """Write a configuration file and return its path."""
        path = self.path / name
        self.account.write_readable_file(path, text)
        return path

    def run_once(self, server: str, command: Sequence[str | Path]) -> None:
        """Run a program that ends by itself, such as the one that makes the first files, under the account.

        Raises:
            ServerError: it failed.
        """
        done = subprocess.run(
            command,
            cwd=self.path,
            env=server_environment(self.path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self.account.popen_arguments(),
        )
        if done.returncode:
            last = done.stdout.strip().rpartition("\n")[2]
            raise ServerError(f"{server}: {Path(command[0]).name} failed in {self.path}: {last}")


def open_folder(path: Path) -> ServerFolder:
    """Return the folder of a server, made with a random password the first time.

    A process that is recorded there and still runs, left behind by a run that was killed, is stopped.
    """
    account = server_account()
    account.make_readable_folder(path)
    folder = ServerFolder(path, account)
    stop_recorded(folder.record_path, STOP_SECONDS)
    if not folder.password_path.exists():
        account.write_readable_file(folder.password_path, secrets.token_urlsafe(24))
    return folder


def stop_recorded_servers(parent: Path) -> None:
    """Stop the servers whose folders are in `parent` and which still run."""
    for record in parent.glob(f"*/{RECORD_NAME}"):
        stop_recorded(record, STOP_SECONDS)


def find_program(name: str, folders: Sequence[str | Path] = ()) -> Path:
    """Return the path of a server program, looked for in `folders`, on PATH and where servers usually are.

    Raises:
        ServerError: it is not installed.
    """
    places = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath), *PROGRAM_FOLDERS])
    found = shutil.which(name, path=places)
    if found is None:
        raise ServerError(f"The program {name} is not installed: run `make setup`, which installs it.")
    return Path(found)


def server_environment(home: Path) -> dict[str, str]:
    """Return the whole environment that a server program gets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C", "TZ": "UTC"}


def launch(
    server: str,
    folder: ServerFolder,
    command: Sequence[str | Path],
    *,
    log_path: Path,
    answers: Callable[[], bool],
    stop_signal: signal.Signals = signal.SIGTERM,
) -> ChildProcess:
    """Start a server and return its process once `answers()` is true.

    Raises:
        ServerError: it ended, or did not answer in time; the message names its log and the log's last line.
    """
    child = start_process(
        server,
        [str(part) for part in command],
        env=server_environment(folder.path),
        cwd=folder.path,
        log_path=log_path,
        record_path=folder.record_path,
        account=folder.account,
        stop_signal=stop_signal,
    )
    try:
        _require_answer(child, answers)
    except BaseException:  # a Ctrl-C as well must not leave the server behind
        child.stop(STOP_SECONDS)
        raise
    return child


def _require_answer(child: ChildProcess, answers: Callable[[], bool]) -> None:
    is_settled = wait_until(lambda: child.exit_code() is not None or answers(), READY_SECONDS)
    code = child.exit_code()
    if is_settled and code is None:
        return
    cause = f"did not answer within {READY_SECONDS:.0f} s" if code is None else f"ended ({describe_exit(code)})"
    last = (last_lines(child.log_path, 1) or ["(nothing was logged)"])[0]
    raise ServerError(f"{child.record.name} {cause}; its log {child.log_path} ends with: {last}")

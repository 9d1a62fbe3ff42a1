"""Where everything local lives: the folder `.local/` of the checkout, and what must outlast a run."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.processes import stop_recorded
from deploy.local.servers.account import server_account
from deploy.local.servers.launch import stop_recorded_servers
from deploy.local.servers.ports import is_port_free, reserve_port

REPOSITORY = Path(__file__).resolve().parents[2]
# An account of its own cannot enter a checkout below a closed home; /var/tmp it can.
SHARED_FOLDER = Path("/var/tmp")  # noqa: S108 - only folders made by mkdtemp are used there
SHARED_PREFIX = "myapp-"


class StateInUse(Exception):
    """Another process holds the local state."""


@dataclass(frozen=True)
class LocalState:
    """The folder of local state and what is where in it."""

    root: Path = REPOSITORY / ".local"

    @property
    def logs(self) -> Path:
        """What each process prints, one file a name."""
        return self.root / "log"

    @property
    def clock(self) -> Path:
        """The file of the emulated clock."""
        return self.root / "clock.json"

    @property
    def processes(self) -> Path:
        """The records of running processes."""
        return self.root / "processes"

    @property
    def data(self) -> Path:
        """The servers' data; when root made it, a link to a short folder under /var/tmp."""
        return self.root / "data"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folders and keep every other process from using them until the end of the block.

        Raises:
            StateInUse: another process holds them.
        """
        with self._locked():
            self._make_folders()
            yield

    def secret(self, name: str) -> str:
        """Return the random password kept under `name`: 32 characters, made the first time."""
        values = self._read()
        if name not in values:
            self._write({**values, name: secrets.token_urlsafe(24)})
        return str(self._read()[name])

    def port(self, name: str) -> int:
        """Return the loopback port kept under `name`, or another free one if it has been taken since."""
        values = self._read()
        port = int(values.get(name, 0))
        if not port or not is_port_free(port):
            port = reserve_port()
            self._write({**values, name: port})
        return port

    def remove(self) -> None:
        """Stop what is recorded as running and delete all local state; nothing there is fine."""
        if not self.root.exists():
            return
        with self._locked():
            self._stop_recorded()
            if is_shared_folder(self.data.resolve()):
                shutil.rmtree(self.data.resolve(), ignore_errors=True)
            shutil.rmtree(self.root)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = f"{self.root} is in use by another command of this checkout: stop it first (Ctrl-C)."
                raise StateInUse(message) from None
            yield

    def _stop_recorded(self) -> None:
        for record in sorted(self.processes.glob("*.json"), reverse=True):
            stop_recorded(record)
        stop_recorded_servers(self.data)

    def _make_folders(self) -> None:
        for folder in (self.logs, self.processes):
            folder.mkdir(exist_ok=True)
        if not self.data.exists():
            self.data.unlink(missing_ok=True)
            if server_account().is_other:
                self.data.symlink_to(make_shared_folder(SHARED_PREFIX))
            else:
                self.data.mkdir()

    def _read(self) -> dict[str, str | int]:
        try:
            values: dict[str, str | int] = json.loads((self.root / "state.json").read_text())
        except FileNotFoundError:
            return {}
        return values

    def _write(self, values: dict[str, str | int]) -> None:
        descriptor, fresh = tempfile.mkstemp(dir=self.root)  # mkstemp: mode 0600
        with os.fdopen(descriptor, "w") as file:
            json.dump(values, file, indent=2)
        Path(fresh).replace(self.root / "state.json")


def make_shared_folder(prefix: str) -> Path:
    """Make a folder with a short path that the servers' account can pass through but not change."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=SHARED_FOLDER))
    if server_account().is_other:
        folder.chmod(0o711)
    return folder


def is_shared_folder(path: Path) -> bool:
    """Tell whether `make_shared_folder` may have made a folder: nothing else is ever deleted outside `.local/`."""
    return path.parent == SHARED_FOLDER.resolve() and path.name.startswith(SHARED_PREFIX)

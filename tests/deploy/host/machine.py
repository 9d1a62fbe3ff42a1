"""A host of its own on this machine: systemd and all that it starts, in namespaces that end with it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.local.processes import wait_until

_START: Final = Path(__file__).with_name("start_machine.sh")
_NAMESPACES: Final = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
ENDS_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")  # also when we are killed
_BOOT_SECONDS: Final = 60.0
_ENVIRONMENT: Final = ["env", "-i", "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]


def why_no_machine() -> str | None:
    """Return why no machine can be booted here, or None if one can."""
    if os.geteuid() != 0:
        return "namespaces and mounts need root"
    if _control_groups() is None:
        return "there is no cgroup2 to run systemd in"
    missing = [
        name
        for name in ("debootstrap", "dpkg-deb", "ip", "nsenter", "setpriv", "unshare")
        if shutil.which(name) is None
    ]
    return f"run `make setup-checks`: {', '.join(missing)} is missing" if missing else None


class Machine:
    """A machine on the image; what it changes lies in `folder` and outlasts its boots. A context manager."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image = image
        self._folder = folder
        self._group = (_control_groups() or Path()) / f"myapp-host-{os.getpid()}-{time.monotonic_ns()}"
        self._outer: subprocess.Popen[bytes] | None = None
        self.pid = 0  # of its process 1, as seen from outside

    def boot(self) -> None:
        """Start process 1; its networks are still without any link."""
        self._group.mkdir()
        script = f'echo $$ >"{self._group}/cgroup.procs"; exec "$@"'
        unshare = ["unshare", *_NAMESPACES, "--fork", "--kill-child", "--propagation", "private"]
        start = ["bash", str(_START), str(self._image), str(self._folder)]
        command = [*ENDS_WITH_US, "bash", "-c", script, "bash", *unshare, *start]
        with (self._folder / "console.log").open("ab") as log:
            self._outer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert wait_until(self._has_process_1, 10), self.console()

    def await_system(self) -> None:
        """Wait until systemd has started what it starts at boot."""
        assert wait_until(lambda: self._state() in {"running", "degraded"}, _BOOT_SECONDS), self.console()

    def run(self, command: Sequence[str], *, text: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command in the machine as root, with `text` as its input; return how it ended and what it said."""
        inside = ["nsenter", f"--target={self.pid}", "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", *_ENVIRONMENT]
        return subprocess.run([*inside, *command], input=text, capture_output=True, text=True, check=False)

    def said(self, *command: str) -> str:
        """Run a command that succeeds, and return what it said."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the machine, also before it is booted."""
        target = self._folder / "changes" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def console(self) -> str:
        """Return what systemd has said so far."""
        return (self._folder / "console.log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """End every process of the machine, as when the power fails."""
        if self._outer is not None:
            self._outer.kill()  # unshare kills its child, and with process 1 all others end
            self._outer.wait()
            self._outer = None
        assert wait_until(self._is_empty, 20), f"processes are left in {self._group}"

    def _has_process_1(self) -> bool:
        assert self._outer is not None
        assert self._outer.poll() is None, self.console()
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
        with contextlib.suppress(OSError, LookupError):
            self.pid = int(children.read_text().split()[0])
            return Path(f"/proc/{self.pid}/comm").read_text().strip() == "systemd"
        return False

    def _state(self) -> str:
        return self.run(["systemctl", "is-system-running"]).stdout.strip()

    def _is_empty(self) -> bool:
        """Remove the control groups; those that still have processes refuse."""
        for process in self._group.rglob("cgroup.procs"):
            for pid in process.read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        for folder in sorted((path for path in self._group.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            self._group.rmdir()
        return not self._group.exists()


def _control_groups() -> Path | None:
    """Return where cgroup2 is mounted."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)

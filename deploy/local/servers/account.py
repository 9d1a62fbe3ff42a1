"""The account that private servers run under.

PostgreSQL and MariaDB refuse to run as root, so when we are root they run as a system account of
their own, which `deploy/local/setup.sh` makes. Otherwise they run as whoever started us.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from deploy.local.servers.errors import ServerError

ACCOUNT_NAME = "myapp-local"


class PopenAccount(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user of this machine; `is_other` tells that it is not the one we run as."""

    uid: int
    gid: int
    is_other: bool

    def popen_arguments(self) -> PopenAccount:
        """Return what makes `subprocess.Popen` start a program under this account."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def make_owned_folder(self, path: Path) -> None:
        """Make a folder that only this account (and root) can enter."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def make_readable_folder(self, path: Path) -> None:
        """Make a folder that is ours and that this account can read, but not change."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self.is_other:
            os.chown(path, -1, self.gid)
            path.chmod(0o750)

    def write_readable_file(self, path: Path, text: str) -> None:
        """Write a file that is ours and that this account can read, but not change; nobody else can."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        if self.is_other:
            os.chown(path, -1, self.gid)
            path.chmod(0o640)


def server_account() -> Account:
    """Return the account for private servers: a system account when we are root, else our own.

    Raises:
        ServerError: we are root and the system account does not exist.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_other=False)
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        message = f"The system account {ACCOUNT_NAME} does not exist: run `make setup` as root once."
        raise ServerError(message) from None
    return Account(entry.pw_uid, entry.pw_gid, is_other=True)

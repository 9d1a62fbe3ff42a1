"""The release that hosts install: built by `make -C deploy bundle`, uploaded by `package`, named to its stack."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.stacks.declared import DEPLOY
from deploy.stacks.errors import DeployError

FOLDER: Final = DEPLOY / "account1_app/host/build"
_NAME, _ENDING = "myapp-", ".tar.gz"


@dataclass(frozen=True)
class Release:
    """One archive, by its version; `sha256` is what hosts compare it with before they unpack it."""

    path: Path
    version: str
    sha256: str

    def upload(self, s3: Any, bucket: str) -> str:
        """Put the release where hosts fetch it, and return its key."""
        key = f"releases/{self.path.name}"
        s3.upload_file(str(self.path), bucket, key)
        return key


def built_release(folder: Path = FOLDER) -> Release | None:
    """Return the newest release that was built, or None.

    Raises DeployError if the archive is not the one whose hash was written down.
    """
    archives = sorted(folder.glob(f"{_NAME}*{_ENDING}"), key=lambda path: path.stat().st_mtime)
    if not archives:
        return None
    archive = archives[-1]
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    noted = archive.with_name(f"{archive.name}.sha256")
    if not noted.is_file() or noted.read_text().split()[:1] != [sha256]:
        raise DeployError(f"{archive} is not what its .sha256 says. Delete both and run make -C deploy bundle.")
    return Release(archive, archive.name.removeprefix(_NAME).removesuffix(_ENDING), sha256)

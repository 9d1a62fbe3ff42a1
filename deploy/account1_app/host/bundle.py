"""Builds what a host installs: the code, the wheels for its platform with their hashes, the static files.

    python -m deploy.account1_app.host.bundle FOLDER

makes `FOLDER/myapp-VERSION.tar.gz` and, beside it, `….sha256`, and prints the archive's path. VERSION is the time and
the name of the commit; it ends in `-changed` if what is bundled differs from that.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[3]
HOST: Final = "deploy/account1_app/host"
CODE: Final = ("manage.py", "requirements.lock", "myapp", "dataflows", "reports", "templates", HOST)
PYTHON: Final = (3, 11)
HOST_PLATFORM: Final = "debian-12-x86_64"
# The settings must load for the static files to be collected; nothing is connected to, nothing of it is kept.
_SETTINGS: Final = {
    f"MYAPP_{name}": "bundle"
    for name in ("SECRET_KEY", "DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD", "REDIS_URL")
}


class BundleError(Exception):
    """The bundle can't be built; the message says what to change."""


def build(folder: Path) -> Path:
    """Build the bundle of the repository as it lies there, and return the archive's path.

    Raises BundleError on a machine that is not of the hosts' kind: mysqlclient is compiled here, for there.
    """
    _require_platform()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="myapp-bundle-") as name:
        release = Path(name) / "release"
        release.mkdir()
        _copy_code(release)
        _collect_static_files(release)
        _build_wheels(release)
        version = _version()
        (release / "VERSION").write_text(f"{version}\n")
        (release / "PLATFORM").write_text(f"{HOST_PLATFORM}\n")
        (release / "SHA256SUMS").write_text("".join(_sums(release)))
        return _archive(release, folder / f"myapp-{version}.tar.gz", version)


def _require_platform() -> None:
    system = platform.freedesktop_os_release()
    here = f"{system.get('ID')}-{system.get('VERSION_ID')}-{platform.machine()}"
    if here != HOST_PLATFORM or sys.version_info[:2] != PYTHON:
        raise BundleError(
            f"The hosts are {HOST_PLATFORM} with Python 3.11, this is {here} with Python {platform.python_version()}: "
            "build the bundle on a machine, or in a container, of their kind."
        )


def _copy_code(release: Path) -> None:
    for path in _git("ls-files", "--cached", "--others", "--exclude-standard", "-z", *CODE).split("\0"):
        source = REPOSITORY / path
        if path and source.is_file():
            target = release / (f"host/{path.removeprefix(HOST)}" if path.startswith(HOST) else path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _collect_static_files(release: Path) -> None:
    """Collect them here, once: every host serves the same, and none needs the right to write them."""
    command = [sys.executable, "-B", "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    environment = {"PATH": os.defpath, **_SETTINGS}
    subprocess.run(command, cwd=release, env=environment, check=True)


def _build_wheels(release: Path) -> None:
    """Fetch or build a wheel of all that the application's lock names, and write down each one's version and hash.

    What is fetched is what was audited: pip compares it with the lock's hashes. The release's own lock then names the
    wheels themselves, for one of them is compiled here, by this environment's setuptools, which is locked as well.
    """
    wheels, lock = release / "wheels", release / "requirements.lock"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    binary = ["--only-binary=:all:", "--no-binary=mysqlclient", "--no-build-isolation"]
    command = [*pip, "wheel", *binary, "--wheel-dir", str(wheels), "--no-deps", "--require-hashes", "-r", str(lock)]
    subprocess.run(command, check=True)
    lock.write_text("".join(sorted(map(_locked, wheels.iterdir()))))


def _locked(wheel: Path) -> str:
    name, version, *_ = wheel.name.split("-")
    return f"{name}=={version} --hash=sha256:{_sha256(wheel)}\n"


def _version() -> str:
    moment, commit = _git("show", "--no-patch", "--date=format:%Y%m%d%H%M%S", "--format=%cd %H", "HEAD").split()
    is_changed = bool(_git("status", "--porcelain", "--", *CODE).strip())
    return f"{moment}-{commit[:12]}{'-changed' if is_changed else ''}"


def _sums(release: Path) -> Iterator[str]:
    """Yield a line of `sha256sum` for every file of the release."""
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        yield f"{_sha256(path)}  {path.relative_to(release)}\n"


def _archive(release: Path, path: Path, version: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.add(release, arcname=version, filter=_as_root)
    path.with_name(f"{path.name}.sha256").write_text(f"{_sha256(path)}  {path.name}\n")
    return path


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")

"""A Debian 12 as a host boots from, with the packages it installs, made once and kept under /var/tmp."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.state import REPOSITORY

PACKAGES: Final = (REPOSITORY / "deploy/account1_app/host/packages.txt").read_text().split()
_ALWAYS: Final = ("dbus", "iproute2", "procps", "systemd-sysv")
_FOLDER: Final = Path("/var/tmp")  # noqa: S108 - kept from run to run; the name tells the content, root alone writes it
_MIRROR: Final = "http://deb.debian.org/debian"
_CHROOT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def base_image() -> Path:
    """Return the root folder of the image; making it takes some minutes and Debian's mirror."""
    digest = hashlib.sha256("\n".join([*PACKAGES, *_ALWAYS]).encode()).hexdigest()[:12]
    image = _FOLDER / f"myapp-host-image-{digest}"
    with (_FOLDER / "myapp-host-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.exists():
            _make(image)
    return image


def _make(image: Path) -> None:
    unfinished = image.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # No virtual packages here: debootstrap does not find who provides them; apt does.
    include = f"--include={','.join(_ALWAYS)}"
    _run(["debootstrap", "--variant=minbase", include, "bookworm", str(unfinished), _MIRROR], dict(os.environ))
    (unfinished / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # nothing may start while it is made
    (unfinished / "usr/sbin/policy-rc.d").chmod(0o755)
    shutil.copy("/etc/resolv.conf", unfinished / "etc/resolv.conf")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
    _run(["chroot", str(unfinished), *install], _CHROOT)
    _run(["chroot", str(unfinished), "apt-get", "clean"], _CHROOT)
    (unfinished / "usr/sbin/policy-rc.d").unlink()
    unfinished.rename(image)


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"

"""The units are understood by systemd as they are written, and expose little; test_boot.py runs them."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from deploy.local.state import REPOSITORY

UNITS: Final = REPOSITORY / "deploy/account1_app/host/systemd"
SERVICES: Final = sorted(path.name for path in UNITS.glob("*.service"))
MOST_EXPOSED: Final = 15  # of 100; a unit that says nothing has 96


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with the units, their account, and programs where ExecStart looks for them."""
    folder = tmp_path_factory.mktemp("root")
    units = folder / "etc/systemd/system"
    units.mkdir(parents=True)
    for path in UNITS.rglob("*"):
        if path.is_file():
            target = units / path.relative_to(UNITS)
            target.parent.mkdir(exist_ok=True)
            target.write_text(path.read_text())
    (folder / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nmyapp:x:990:990::/nonexistent:/usr/sbin/nologin\n")
    (folder / "etc/group").write_text("root:x:0:\nmyapp:x:990:\nwww-data:x:33:\n")
    programs = ["bin/kill", *(f"opt/myapp/current/venv/bin/{name}" for name in ("python", "gunicorn", "celery"))]
    for program in programs:
        path = folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o755)
    system = Path("/lib/systemd/system")
    for name in ("sysinit.target", "basic.target", "shutdown.target", "sockets.target", "network-online.target"):
        (units / name).write_text((system / name).read_text())
    return folder


def analyze(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", f"--root={root}", "--man=no", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], "SYSTEMD_COLORS": "0"}
    )


@pytest.mark.parametrize("name", [*SERVICES, "myapp-web.socket", "myapp-live.socket", "myapp.target"])
def test_systemd_understands(root: Path, name: str) -> None:
    done = analyze(root, "verify", "--recursive-errors=one", str(root / "etc/systemd/system" / name))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_is_hardly_exposed(root: Path, name: str) -> None:
    done = analyze(root, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", name)

    assert done.returncode == 0, done.stdout

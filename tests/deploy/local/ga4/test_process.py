"""The service as a process of its own."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from deploy.local.processes import wait_until
from tests.deploy.local.ga4.building import event, write_events


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:  # noqa: S310 - our own process on the loopback
            return bool(json.load(response)["properties"] == ["42"])
    except OSError:
        return False


def test_the_command_serves_its_data_folder(tmp_path: Path) -> None:
    write_events(tmp_path / "data", [event("2026-03-01T10:00")])
    port = _free_port()
    command = [sys.executable, "-m", "deploy.local.ga4", "--port", str(port)]
    options = ["--clock", str(tmp_path / "clock.json"), "--data", str(tmp_path / "data"), "--refresh-token", "t=42"]
    with subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: _answers(f"http://127.0.0.1:{port}/_local/health"), 30)
        finally:
            process.terminate()

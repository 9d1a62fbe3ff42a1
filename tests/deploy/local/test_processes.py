import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.processes import ChildDied, ChildProcess, ProcessRecord, Supervisor, start_mark, wait_until
from deploy.local.state import REPOSITORY

ENV = {"PATH": os.environ["PATH"], "COLOUR": "green"}
DEADLINE_SECONDS = 10


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, tmp_path)
    yield supervisor
    supervisor.stop_all()


def shell(supervisor: Supervisor, name: str, script: str, folder: Path) -> ChildProcess:
    return supervisor.start(name, ["sh", "-c", script], ENV, folder)


def wait_for_text(path: Path, text: str) -> None:
    assert wait_until(lambda: path.exists() and text in path.read_text(), DEADLINE_SECONDS), f"no {text!r} in {path}"


def test_runs_with_the_given_environment_only_and_keeps_what_it_prints(supervisor: Supervisor, tmp_path: Path) -> None:
    child = shell(supervisor, "env", "echo $COLOUR; env | grep -c PYTEST; echo done >&2", tmp_path)
    wait_for_text(child.log_path, "green\n0\ndone\n")
    assert child.log_path == tmp_path / "env.log"


def test_tells_which_process_died_and_what_it_last_said(supervisor: Supervisor, tmp_path: Path) -> None:
    shell(supervisor, "steady", "exec sleep 60", tmp_path)
    supervisor.raise_if_dead()
    child = shell(supervisor, "worker", "echo cannot reach the broker; exit 3", tmp_path)
    child.popen.wait()
    with pytest.raises(ChildDied, match=r"worker has ended \(exit code 3\). Its log is \S+worker.log") as error:
        supervisor.raise_if_dead()
    assert "cannot reach the broker" in str(error.value)


def test_stops_the_youngest_first(supervisor: Supervisor, tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        script = f"trap 'echo {name} >>order; exit' TERM; echo ready; while :; do sleep 0.01; done"
        wait_for_text(shell(supervisor, name, script, tmp_path).log_path, "ready")
    supervisor.stop_all()
    assert (tmp_path / "order").read_text().split() == ["third", "second", "first"]
    assert list(tmp_path.glob("*.json")) == []


def test_stops_by_force_what_does_not_stop_and_its_children(supervisor: Supervisor, tmp_path: Path) -> None:
    child = shell(supervisor, "deaf", "trap '' TERM; sleep 60 & echo $!; wait", tmp_path)
    wait_for_text(child.log_path, "\n")
    grandchild = int(child.log_path.read_text())
    child.stop(grace_seconds=0.05)
    assert child.exit_code() == -signal.SIGKILL
    assert wait_until(lambda: start_mark(grandchild) is None, DEADLINE_SECONDS)


def test_stops_what_a_killed_run_left_behind(supervisor: Supervisor, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from deploy.local.processes import Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]), Path(sys.argv[1]))\n"
        "for name in ('web', 'worker'):\n"
        "    supervisor.start(name, ['sleep', '60'], {'PATH': os.environ['PATH']}, Path('/'))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    records = [ProcessRecord.read(path) for path in tmp_path.glob("*.json")]
    assert all(record is not None and record.is_alive() for record in records)
    assert supervisor.stop_leftovers() == ["worker", "web"]
    assert not any(record is not None and record.is_alive() for record in records)
    assert supervisor.stop_leftovers() == []


def test_leaves_a_stranger_alone_that_has_the_pid_of_a_leftover(supervisor: Supervisor, tmp_path: Path) -> None:
    stranger = shell(supervisor, "stranger", "exec sleep 60", tmp_path)
    replace(stranger.record, name="old", started="another boot:1").write(tmp_path / f"{time.time_ns()}-old.json")
    stranger.record_path.unlink()
    assert supervisor.stop_leftovers() == []
    assert stranger.exit_code() is None


def test_a_ctrl_c_reaches_only_us(supervisor: Supervisor, tmp_path: Path) -> None:
    child = shell(supervisor, "web", "exec sleep 60", tmp_path)
    assert os.getpgid(child.record.pid) != os.getpgid(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_cleans_up(number: signal.Signals, tmp_path: Path) -> None:
    program = (
        "from deploy.local.processes import stop_when_told\n"
        "import pathlib, time\n"
        "stop_when_told()\n"
        "try:\n    print('ready', flush=True)\n    time.sleep(60)\n"
        f"finally:\n    pathlib.Path({str(tmp_path / 'cleaned')!r}).touch()\n"
    )
    command = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", program]  # as shells start jobs
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)

    assert (tmp_path / "cleaned").exists()

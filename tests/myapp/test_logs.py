"""All that MyApp's processes log is one JSON object a line, with the ids of what it is about."""

import json
import logging
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import Client

from deploy.local.processes import ChildProcess, start_process, wait_until
from deploy.local.servers.ports import reserve_port
from deploy.local.state import REPOSITORY
from myapp.celery import app
from tests.logged import Line, Logged, logged

__all__ = ["logged"]

UNITS: Final = REPOSITORY / "deploy/account1_app/host/systemd"
SECONDS: Final = 60


def test_a_line_says_when_what_and_where(logged: Logged) -> None:
    logging.getLogger("dataflows.outbox").warning("event %s was not taken", 1)

    (line,) = logged.lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", line.pop("timestamp"))
    assert line == {
        "level": "WARNING",
        "logger": "dataflows.outbox",
        "message": "event 1 was not taken",
        "service": "myapp",
    }


def test_an_exception_stays_in_its_line(logged: Logged) -> None:
    try:
        int("broken\nin two")
    except ValueError:
        logging.getLogger("myapp").exception("failed")

    (line,) = logged.lines()
    assert line["message"] == "failed"
    assert line["exception"].startswith("Traceback")
    assert "ValueError: invalid literal" in line["exception"]


def test_hostile_words_make_no_line_of_their_own(logged: Logged) -> None:
    hostile = 'a"}\n{"level": "INFO", "message": "all is well"}\r\x1b[2J\u2028'
    logging.getLogger("myapp").warning("no answer: %s", hostile)

    (line,) = logged.lines()
    assert line["message"] == f"no answer: {hostile}"
    assert logged.stream.getvalue().isascii()


def test_what_a_line_brings_itself_is_kept(logged: Logged) -> None:
    logging.getLogger("myapp").warning("failed", extra={"data_flow_id": "1", "station": "upsert"})

    (line,) = logged.lines()
    assert (line["data_flow_id"], line["station"]) == ("1", "upsert")


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["", "0123456789abcdef" * 2])
def test_a_requests_lines_and_its_answer_have_its_id(client: Client, logged: Logged, given: str) -> None:
    response = client.get("/no-such-page/", headers={"X-Request-ID": given} if given else {})

    request_id = response["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", request_id)
    assert request_id == (given or request_id)
    assert logged.line("Not Found: /no-such-page/")["request_id"] == request_id


@pytest.mark.django_db
def test_each_request_has_an_id_of_its_own(client: Client) -> None:
    assert len({client.get("/health/live/")["X-Request-ID"] for _ in range(3)}) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("hostile", ["1", "0123456789ABCDEF" * 2, "<script>", "a" * 31 + "\n", "f" * 64, "{}"])
def test_an_id_of_another_form_is_replaced(client: Client, hostile: str) -> None:
    assert client.get("/health/live/", headers={"X-Request-ID": hostile})["X-Request-ID"] != hostile


def test_a_tasks_lines_have_its_name_and_id(logged: Logged) -> None:
    @app.task(name="tests.speaking")  # type: ignore[untyped-decorator]  # Celery has no types
    def speaking() -> None:
        logging.getLogger("dataflows").info("at work")

    try:
        task_id = speaking.apply(task_id=str(uuid.uuid4())).id
    finally:
        app.tasks.unregister("tests.speaking")

    assert logged.line("at work")["task_id"] == task_id
    ended = logged.line("succeeded")
    assert (ended["task"], ended["task_id"], ended["logger"]) == ("tests.speaking", task_id, "celery.app.trace")
    assert "data" not in ended


def unit_command(unit: str) -> list[str]:
    """Return what a unit of the hosts runs, by this machine's programs."""
    (line,) = re.findall(r"^ExecStart=/opt/myapp/current/venv/bin/(.+)$", (UNITS / unit).read_text(), re.MULTILINE)
    program, *arguments = line.split()
    return [sys.executable, "-m", program, *arguments] if program != "python" else [sys.executable, *arguments]


def started(name: str, command: list[str], folder: Path) -> ChildProcess:
    kept = {key: value for key, value in os.environ.items() if key.startswith("MYAPP_") or key in ("PATH", "HOME")}
    return start_process(
        name,
        command,
        # Celery warns root of itself before it has any log; on a host it is not root.
        env={**kept, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore:You're running the worker"},
        cwd=REPOSITORY,
        log_path=folder / f"{name}.log",
        record_path=folder / f"{name}.json",
    )


def until(child: ChildProcess, words: str) -> list[Line]:
    """Wait until a process has printed these words, and stop it; return what it had printed. What is no JSON fails.

    What Celery says of its own end is not read: it writes that past every log."""
    assert wait_until(lambda: words in child.log_path.read_text(), SECONDS), child.log_path.read_text()
    whole_lines = child.log_path.read_text().rpartition("\n")[0]
    child.stop()
    return [json.loads(line) for line in whole_lines.splitlines()]


@pytest.mark.parametrize("unit", ["myapp-web", "myapp-live"])
def test_gunicorn_logs_like_the_rest(tmp_path: Path, unit: str) -> None:
    command = [*unit_command(f"{unit}.service"), "--bind", f"127.0.0.1:{reserve_port()}"]

    lines = until(started(unit, command, tmp_path), "Booting worker")

    assert {line["logger"] for line in lines} <= {"gunicorn.error", "py.warnings"}
    assert {line["service"] for line in lines} == {"myapp"}


def test_worker_and_beat_log_like_the_rest(tmp_path: Path) -> None:
    schedule = str(tmp_path / "schedule")
    beat_command = [word if "/var/lib" not in word else schedule for word in unit_command("myapp-beat.service")]
    worker = started("worker", unit_command("myapp-worker.service"), tmp_path)
    beat = started("beat", beat_command, tmp_path)
    try:
        worker_lines = until(worker, '"task_id"')
        beat_lines = until(beat, "Sending due task")
    finally:
        worker.stop()
        beat.stop()

    of_tasks = [line for line in worker_lines if "task_id" in line]
    assert {line["task"] for line in of_tasks} <= {one["task"] for one in settings.CELERY_BEAT_SCHEDULE.values()}
    assert all(line["service"] == "myapp" for line in (*worker_lines, *beat_lines))


def test_a_command_logs_like_the_rest() -> None:
    code = "import logging, warnings; logging.getLogger('dataflows').warning('said\\nin two'); warnings.warn('old')"

    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )

    said, warned = (json.loads(line) for line in done.stderr.splitlines())
    assert said["message"] == "said\nin two"
    assert warned["logger"] == "py.warnings"


def test_nginx_writes_lines_of_the_same_form_and_hands_its_request_id_on() -> None:
    site = (REPOSITORY / "deploy/account1_app/host/nginx/myapp.conf").read_text()
    (form,) = re.findall(r"log_format myapp escape=json ((?:'[^']*'\s*)+);", site)
    line: dict[str, Any] = json.loads("".join(re.findall(r"'([^']*)'", form)))

    assert line["request_id"] == "$request_id"
    assert line["timestamp"] == "$time_iso8601"
    # What a location sets itself takes the place of all that the server sets.
    blocks = re.split(r"\n    location ", site)
    for block in blocks:
        if "proxy_set_header" in block:
            assert "proxy_set_header X-Request-ID $request_id;" in block

"""Runs the peers' scripts in an environment of their own, against the same server and the same rows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from benchmarks.loading.machine import Machine
from benchmarks.loading.states import State

_HERE: Final = Path(__file__).parent


def ensure_environment(folder: Path) -> Path:
    """Return the Python of the peers' environment in `folder`, made if it is not there."""
    python = folder / "bin/python"
    mark = folder / "requirements.txt"
    wanted = (_HERE / "requirements.txt").read_text()
    if not mark.exists() or mark.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--requirement", _HERE / "requirements.txt"], check=True
        )
        mark.write_text(wanted)
    return python


def peer_seconds(python: Path, script: str, machine: Machine, table_name: str, states: Iterable[State]) -> list[float]:
    """Let a peer write each state in turn into `table_name`; return how long each took, in seconds."""
    paths = [str(_one_file(state, machine.folder)) for state in states]
    command = [str(python), str(_HERE / f"{script}.py"), table_name, *paths]
    answer = subprocess.run(command, env=_environment(machine), check=False, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"{script} stopped: {answer.stderr[-3000:]}")
    seconds: list[float] = json.loads(answer.stdout.splitlines()[-1])["seconds"]
    return seconds


def _one_file(state: State, folder: Path) -> Path:
    """Return a file of all a state's rows, without the columns that hold nothing: peers would write those too."""
    path = folder / f"{state.csv_path.stem}.parquet"
    if not path.exists():
        rows = pq.ParquetDataset(list(state.part_paths)).read()
        used = [name for name in rows.column_names if rows.column(name).null_count < rows.num_rows]
        pq.write_table(rows.select(used), path)
    return path


def _environment(machine: Machine) -> dict[str, str]:
    server = machine.mariadb
    url = f"mysql+pymysql://{server.user}:{server.password}@localhost:{server.port}/{server.database}"
    options = {"host": "localhost", "port": server.port, "user": server.user, "password": server.password}
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "BENCHMARK_DATABASE_URL": f"{url}?ssl_ca={server.ca_path}",
        "BENCHMARK_DATABASE": json.dumps({**options, "database": server.database, "ssl_ca": str(server.ca_path)}),
        "DLT_DATA_DIR": str(machine.folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }

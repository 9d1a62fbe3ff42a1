"""`make fault-schedules N=… SEED=…`: random schedules against a private MariaDB, on every core.

Prints progress, each failing seed with what was found, and one JSON object last. Exits with 1 if anything was found.
"""

import argparse
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.processes import ProcessRecord, start_mark, stop_when_told
from deploy.local.servers.certificates import ensure_certificates
from deploy.local.servers.mariadb import MariadbServer, start_mariadb
from deploy.local.state import make_shared_folder
from tests.faults.loading.database import Database
from tests.faults.loading.many import outcomes_of
from tests.faults.loading.planted import PLANTS
from tests.faults.loading.rig import Outcome
from tests.faults.loading.tally import Tally
from tests.servers import OWNER_NAME, PREFIX


def main() -> int:
    """Run as many schedules as asked, with the seeds from the one given on; return the exit code."""
    arguments = _arguments()
    stop_when_told()
    seeds = [arguments.seed + number for number in range(arguments.schedules) for _ in range(arguments.times)]
    tally, started = Tally(), time.monotonic()
    with _private_database() as database:
        for outcomes in outcomes_of(database, seeds, arguments.processes, arguments.plant):
            for seed, outcome in outcomes:
                tally.add(seed, outcome)
                _tell(seed, outcome)
            print(f"{tally.schedules:,} of {len(seeds):,} schedules, {time.monotonic() - started:.0f} s", flush=True)
    print(json.dumps(tally.as_json(time.monotonic() - started)), flush=True)
    return 1 if tally.failing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fault-schedules")
    parser.add_argument("--schedules", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--times", type=int, default=1, help="how often each seed is run")
    parser.add_argument("--plant", choices=PLANTS, help="a bug to plant in the loaders, to see the rig find it")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _tell(seed: int, outcome: Outcome) -> None:
    if outcome.findings:
        often = "" if outcome.repeats else " TIMES=100"
        print(f"SEED={seed} failed; `make fault-schedules N=1 SEED={seed}{often}` repeats it:", flush=True)
        print("\n".join(f"    {finding.kind}: {finding.what}" for finding in outcome.findings), flush=True)


@contextmanager
def _private_database() -> Iterator[Database]:
    """Start a MariaDB with MyApp's tables; stop and remove it afterwards."""
    folder = make_shared_folder(PREFIX)
    # So that a later run of the tests can clean up, should this one be killed.
    ProcessRecord("faults", os.getpid(), start_mark(os.getpid()) or "", "", 0).write(folder / OWNER_NAME)
    try:
        certificates = ensure_certificates(folder / "certificates")
        server = start_mariadb(
            folder / "mariadb", certificates=certificates, log_path=folder / "mariadb.log", flush_log_at_commit=0
        )
        try:
            _make_tables(server)
            yield Database.from_environment()
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_tables(server: MariadbServer) -> None:
    os.environ.update(server.environment())
    os.environ.update({"MYAPP_REDIS_URL": "redis://none", "MYAPP_SECRET_KEY": secrets.token_urlsafe(48)})
    os.environ["DJANGO_SETTINGS_MODULE"] = "myapp.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())

"""The process that plays AWS for both accounts: moto, AppFlow, the scheduler and the Redshift stand-in.

`python -m deploy.local.cloud SETTINGS`, where SETTINGS is a JSON file of `CloudSettings`. AppFlow's flows and
their history are kept in a file when the process ends, so that a demo that is started again goes on.
"""

import logging
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from deploy.local.appflow.service import AppFlow
from deploy.local.aws.calls import record_to
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.eventbridge import publish_service_event
from deploy.local.aws.server import HOST, serve
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.clock import EmulatedClock
from deploy.local.redshift.provision import PostgresServer
from deploy.local.redshift.stand_in import RedshiftStandIn
from deploy.local.redshift.workgroup import Workgroup
from deploy.local.scheduler.service import Scheduler

WORKGROUP: Final = "myapp"
DATABASE: Final = "ga4"


class CloudSettings(BaseModel):
    """What the process needs to know; ports are on the loopback interface."""

    model_config = ConfigDict(frozen=True)

    port: int
    warehouse_port: int
    warehouse_account_id: str
    warehouse_region: str
    ga4_url: str
    clock: Path
    calls: Path
    appflow_snapshot: Path
    certificate: Path
    key: Path
    postgres_host: str
    postgres_port: int
    postgres_user: str
    postgres_password: str

    @property
    def endpoint_url(self) -> str:
        """Where all services answer."""
        return f"http://{HOST}:{self.port}"


def main(settings: CloudSettings) -> None:
    """Answer until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    clock = EmulatedClock(settings.clock)
    record_to(settings.calls)
    with ExitStack() as parts:
        redshift = _redshift(settings)
        parts.callback(redshift.close)
        redshift.start_front(settings.warehouse_port)
        scheduler = Scheduler(clock, settings.endpoint_url, assume_role_as_service)
        appflow = AppFlow(
            clock,
            settings.endpoint_url,
            settings.ga4_url,
            redshift.connect_as_user,
            publish_service_event,
            assume_role_as_service,
        )
        _resume(appflow, settings.appflow_snapshot)
        parts.callback(appflow.snapshot, settings.appflow_snapshot)
        for service in (scheduler, appflow):
            service.start()
            parts.callback(service.close)
        serve(create_endpoint([appflow, scheduler, *redshift.services], clock), settings.port)


def _redshift(settings: CloudSettings) -> RedshiftStandIn:
    return RedshiftStandIn(
        PostgresServer(
            settings.postgres_host, settings.postgres_port, settings.postgres_user, settings.postgres_password
        ),
        Workgroup(WORKGROUP, WORKGROUP, settings.warehouse_account_id, settings.warehouse_region),
        DATABASE,
        settings.certificate,
        settings.key,
        settings.endpoint_url,
        publish_service_event,
        assume_role_as_service,
    )


def _resume(appflow: AppFlow, snapshot: Path) -> None:
    if snapshot.exists():
        appflow.restore(snapshot)


if __name__ == "__main__":
    main(CloudSettings.model_validate_json(Path(sys.argv[1]).read_text()))

"""The Redshift stand-in as a whole: what a local stack starts."""

from pathlib import Path

import psycopg

from deploy.local.aws.service import Service
from deploy.local.redshift.data_api import PublishServiceEvent, RedshiftData
from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.execution import Executor
from deploy.local.redshift.faults import Faults
from deploy.local.redshift.passwords import TemporaryPasswords
from deploy.local.redshift.provision import PostgresServer, Warehouse
from deploy.local.redshift.service_clusters import RedshiftClusters
from deploy.local.redshift.service_serverless import RedshiftServerless
from deploy.local.redshift.sessions import Sessions
from deploy.local.redshift.unload import AssumeRoleAsService, Unloader
from deploy.local.redshift.wire import WireFront
from deploy.local.redshift.workgroup import Workgroup


class RedshiftStandIn:
    """One workgroup on one PostgreSQL, and a cluster that leads to the same: their wire front, APIs and faults.

    `certificate` and `key` are PEM files for the name localhost; `endpoint_url` is where S3 and STS answer;
    `publish_service_event` and `assume_role_as_service` are what AWS does for its own services.
    """

    def __init__(
        self,
        postgres: PostgresServer,
        workgroup: Workgroup,
        database: str,
        certificate: Path,
        key: Path,
        endpoint_url: str,
        publish_service_event: PublishServiceEvent,
        assume_role_as_service: AssumeRoleAsService,
    ) -> None:
        self.faults = Faults()
        self.warehouse = Warehouse(postgres, database)
        self._front = WireFront((postgres.host, postgres.port), certificate, key, self.faults)
        self._port: int | None = None
        unloader = Unloader(workgroup.region, endpoint_url, assume_role_as_service)
        self._sessions = Sessions(self.warehouse)
        executor = Executor(self._sessions, unloader, self.faults)
        self._data = RedshiftData(workgroup, database, executor, publish_service_event)
        passwords = TemporaryPasswords(self.warehouse)
        self._serverless = RedshiftServerless(self.warehouse, workgroup, self._front_port, passwords)
        self._clusters = RedshiftClusters(self.warehouse, workgroup.cluster, self._front_port, passwords)

    @property
    def services(self) -> list[Service]:
        """The emulated AWS services, for the endpoint."""
        return [self._data, self._serverless, self._clusters]

    def start_front(self, port: int = 0) -> int:
        """Prepare the database, start listening on 127.0.0.1 and return the port (0 picks a free one)."""
        self.warehouse.prepare()
        self._port = self._front.start(port)
        return self._port

    def connect_as_user(self, user: str) -> psycopg.Connection:
        """Connect to the warehouse as a database user, in PostgreSQL's SQL.

        Raises psycopg's OperationalError while the warehouse is paused.
        """
        if self.faults.is_paused:
            raise psycopg.OperationalError("the warehouse is paused: resume it first")
        return self.warehouse.connect_as_user(user)

    def close(self) -> None:
        """Stop the wire front and the Data API's workers."""
        self._data.close()
        self._sessions.close()
        if self._port is not None:
            self._front.stop()

    def _front_port(self) -> int:
        if self._port is None:
            raise SqlNotSupported("the wire front isn't started: call start_front first")
        return self._port

"""Amazon AppFlow: its API, its clock, and its memory."""

import threading
from pathlib import Path

from werkzeug.wrappers import Request, Response

from deploy.local.appflow.api import AppFlowApi
from deploy.local.appflow.environment import AppFlowSettings, Environment, PublishServiceEvent
from deploy.local.appflow.faults import AppFlowFaults
from deploy.local.appflow.runner import Runner
from deploy.local.appflow.state import ERROR, State, read_state, write_state
from deploy.local.appflow.warehouse import AssumeRoleAsService, ConnectWarehouse, Destination
from deploy.local.aws.service import Caller
from deploy.local.clock import EmulatedClock
from deploy.local.scheduler.rest_json import answer
from deploy.local.scheduler.service_model import RestJsonModel
from deploy.local.scheduler.ticker import Ticker


class AppFlow:
    """AppFlow of every account and region.

    `ga4_url` is where Google's APIs and its token endpoint answer; `connect_warehouse` opens a connection as the
    database user of the role with that ARN; the other callables are what AWS does for its own services.
    """

    scope = "appflow"

    def __init__(
        self,
        clock: EmulatedClock,
        endpoint_url: str,
        ga4_url: str,
        connect_warehouse: ConnectWarehouse,
        publish_service_event: PublishServiceEvent,
        assume_role_as_service: AssumeRoleAsService,
        settings: AppFlowSettings | None = None,
    ) -> None:
        self.faults = AppFlowFaults()
        destination = Destination(connect_warehouse, assume_role_as_service)
        self._environment = Environment(
            clock,
            endpoint_url,
            ga4_url,
            destination,
            publish_service_event,
            settings or AppFlowSettings(),
            self.faults,
        )
        self._model = RestJsonModel("appflow")
        self._state: State = {}
        self._lock = threading.RLock()
        self._runner = Runner(self._environment, self._lock)
        self._ticker = Ticker(self.tick, "appflow")
        self._operations = AppFlowApi(self._environment, self._runner, self._state, self._lock).operations()

    def start(self) -> None:
        """Begin to run scheduled flows when they are due."""
        self._ticker.start()

    def close(self) -> None:
        """Run nothing any more; runs at work are finished first."""
        self._ticker.stop()
        self._runner.close()

    def snapshot(self, path: Path) -> None:
        """Write everything to a file that `restore` reads; only its owner can."""
        with self._lock:
            write_state(self._state, path)

    def restore(self, path: Path) -> None:
        """Go on from a snapshot: runs that were at work have failed, schedules go on from now.

        Raises FileNotFoundError, or pydantic's ValidationError for a file that is no snapshot.
        """
        state, now = read_state(path), self._environment.clock.now()
        with self._lock:
            self._state.clear()
            self._state.update(state)
            for flow in (flow for region in state.values() for flow in region.flows.values()):
                for execution in flow.running():
                    execution.status, execution.message = ERROR, "AppFlow was stopped during the run."
                self._runner.schedule(flow, now)

    def tick(self) -> None:
        """Begin every run that came due since the last tick."""
        now = self._environment.clock.now()
        with self._lock:
            for region in self._state.values():
                for flow in region.flows.values():
                    self._runner.start_due(flow, region, now)

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one API call."""
        return answer(self._model, self._operations, request, caller)

    def handle_local(self, request: Request) -> Response:
        """Answer `POST /_local/appflow/faults`; see `faults.py`."""
        return self.faults.handle_local(request)

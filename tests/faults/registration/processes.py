"""The register function in processes of its own, as Lambda has it: each takes one event, and may die of it."""

import threading
import time
import uuid
from pathlib import Path
from typing import Final

from dataflows.contracts.events import RegisterDataFlow
from deploy.local.lambdas.errors import FunctionError
from deploy.local.lambdas.process import FunctionProcess
from tests.warehouse.account import Account2, queue_event
from tests.warehouse.requests import AT, envelope

DELIVERIES: Final = 14  # the queue's: then a message is a dead letter
_HANDLER: Final = "warehouse.handlers.register_data_flow.handle"


class RegisterProcesses:
    """Starts the function's processes, which log to `folder`; `deaths` says how many were killed at work."""

    def __init__(self, account: Account2, folder: Path) -> None:
        self._function = next(one for one in account.deployment.functions if one.handler == _HANDLER)
        self._services = account.services
        self._log_path = folder / "register.log"
        self.deaths = 0

    def seconds(self, event: RegisterDataFlow) -> float:
        """Return how long a warm process takes to carry out an event."""
        process = self._warm_process()
        begun_at = time.monotonic()
        assert self._is_carried_out(process, event)
        took = time.monotonic() - begun_at
        process.close()
        return took

    def deliver(self, event: RegisterDataFlow, dies_after_seconds: float | None = None) -> bool:
        """Hand an event to a warm process, killed after so long; return whether it was carried out."""
        process = self._warm_process()
        killing = threading.Timer(dies_after_seconds or 0, process.kill)
        if dies_after_seconds is not None:
            killing.start()
        try:
            return self._is_carried_out(process, event)
        finally:
            killing.cancel()
            process.close()

    def deliver_until_done(self, event: RegisterDataFlow) -> None:
        """Hand an event over as often as the queue does, until it is carried out."""
        assert any(self.deliver(event) for _ in range(DELIVERIES)), "the event is a dead letter"

    def _warm_process(self) -> FunctionProcess:
        extra = {"SSL_CERT_FILE": str(self._services.certificates.ca_path)}
        process = FunctionProcess(self._function, self._services.url, extra, self._log_path)
        nothing = {**envelope("RegisterDataFlow", {}, AT), "account": "0" * 12}  # of a stranger: it is refused
        process.invoke(str(uuid.uuid4()), queue_event(nothing))
        return process

    def _is_carried_out(self, process: FunctionProcess, event: RegisterDataFlow) -> bool:
        body = envelope(type(event).__name__, event.model_dump(mode="json"), AT)
        try:
            answer = process.invoke(str(uuid.uuid4()), queue_event(body))
        except FunctionError as error:
            if "SIGKILL" not in str(error):
                raise
            self.deaths += 1
            return False
        return bool(answer == {"batchItemFailures": []})

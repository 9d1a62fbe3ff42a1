"""Each press of Retry is carried out, and answered once: done, refused with the reason, or not possible just now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.incidents import DataFlowRemedyReported, RemedyOutcome
from warehouse.answers import Answers
from warehouse.incidents import Incident
from warehouse.retrying import Retrier

logger = Logger(child=True)

_WAITING: Final = (
    "It can't be done just now: the warehouse or AWS did not answer. It is tried again by itself for some minutes; if "
    "nothing more is said here, press Retry once the warehouse answers."
)


@dataclass(frozen=True)
class Press:
    """Somebody pressed Retry: which press it is, for what, and who. `run_id` is the run that was spoken of, if one."""

    press_id: UUID
    incident_id: UUID
    data_flow_id: UUID
    requested_by: str
    run_id: str | None = None


@dataclass(frozen=True)
class Presses:
    """Takes presses; their answers go to MyApp and to the incident's thread in the channel."""

    answers: Answers
    retrier: Retrier

    def answer(self, press: Press, at: datetime) -> DataFlowRemedyReported:
        """Carry out a press, tell what came of it, and return that; the same press again is told no second time.

        Raises TransientError when it may work next time, which is told, too.
        """
        incident = None
        try:
            incident = self.retrier.find(press.incident_id, press.data_flow_id)
            message = self.retrier.retry(incident, press.requested_by, at, run_id=press.run_id)
        except TransientError:
            self._tell(_answered(press, incident, RemedyOutcome.WAITING, _WAITING, at))
            raise
        except TerminalError as error:
            logger.warning("refused", extra={**_log_keys(press), "reason": error.reason, "error": str(error)})
            refusal = _answered(press, incident, RemedyOutcome.REFUSED, str(error), at)
            if self.retrier.registry.is_known(str(press.data_flow_id)):  # else nobody has a page for it
                self._tell(refusal)
            return refusal
        logger.info("retried", extra=_log_keys(press))
        return self._tell(_answered(press, incident, RemedyOutcome.RETRIED, message, at))

    def _tell(self, answer: DataFlowRemedyReported) -> DataFlowRemedyReported:
        self.answers.put([answer])
        return answer


def _answered(
    press: Press, incident: Incident | None, outcome: RemedyOutcome, message: str, at: datetime
) -> DataFlowRemedyReported:
    return DataFlowRemedyReported(
        event_id=uuid5(press.press_id, outcome),
        correlation_id=UUID(incident.correlation_id) if incident else press.incident_id,
        data_flow_id=press.data_flow_id,
        incident_id=press.incident_id,
        report=incident.report if incident else None,
        outcome=outcome,
        message=message,
        requested_by=press.requested_by,
        occurred_at=at,
    )


def _log_keys(press: Press) -> dict[str, str | None]:
    return {
        "incident_id": str(press.incident_id),
        "data_flow_id": str(press.data_flow_id),
        "run_id": press.run_id,
        "requested_by": press.requested_by,
    }

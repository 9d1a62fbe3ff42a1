"""What is told of incidents as AWS's chat service takes it, with what the buttons below it read.

The service (once AWS Chatbot) drops without a word whatever is not of its form, so what is published is checked
against that form here: https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from dataflows.contracts.incidents import (
    DataFlowIncidentChanged,
    DataFlowRemedyReported,
    IncidentKind,
    IncidentState,
    OutageState,
    RemedyOutcome,
    WarehouseOutageChanged,
)
from warehouse.buttons import joined
from warehouse.chat_text import code, code_block, words

News = DataFlowIncidentChanged | DataFlowRemedyReported | WarehouseOutageChanged

_KINDS: Final = {
    IncidentKind.RUN_FAILED: "Run failed",
    IncidentKind.FLOW_DEACTIVATED: "Flow deactivated",
    IncidentKind.RUN_MISSING: "Run missing",
    IncidentKind.DATA_LATE: "Data late",
    IncidentKind.COUNTS_DIFFER: "Counts differ",
}
_STATES: Final = {
    IncidentState.OPEN: ":rotating_light: {kind}",
    IncidentState.RETRYING: ":repeat: Trying again: {kind}",
    IncidentState.RESOLVED: ":white_check_mark: Recovered: {kind}",
}
_OUTCOMES: Final = {
    RemedyOutcome.RETRIED: ":ok_hand: Retry is carried out",
    RemedyOutcome.REFUSED: ":no_entry: Retry is of no use",
    RemedyOutcome.WAITING: ":hourglass: Retry has to wait",
}
_OUTAGES: Final = {
    OutageState.BEGUN: ":rotating_light: The warehouse does not answer",
    OutageState.OVER: ":white_check_mark: Recovered: the warehouse answers again",
}
_MESSAGE_LENGTH: Final = 1900
_TITLE_LENGTH: Final = 150

# Slack's own limits of what the service makes of them: a header of 150 characters, a section of 3,000
# (https://docs.slack.dev/reference/block-kit/blocks).
_Title = Annotated[str, Field(min_length=1, max_length=_TITLE_LENGTH)]
_Description = Annotated[str, Field(min_length=1, max_length=3000)]
_Step = Annotated[str, Field(min_length=1, max_length=1000)]
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Value = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]  # goes into a command: nothing to break out with


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Content(_Part):
    """What is shown."""

    textType: Literal["client-markdown"] = "client-markdown"
    title: _Title
    description: _Description
    nextSteps: Annotated[tuple[_Step, ...], Field(max_length=5)] = ()
    keywords: Annotated[tuple[_Id, ...], Field(max_length=10)] = ()


class Metadata(_Part):
    """What the message belongs to, and what its buttons read."""

    threadId: _Id
    summary: _Title
    eventType: _Id
    relatedResources: Annotated[tuple[_Id, ...], Field(max_length=10)] = ()
    additionalContext: dict[_Id, _Value] = {}
    enableCustomActions: bool = True


class ChatNotification(_Part):
    """A custom notification of AWS's chat service, complete."""

    version: Literal["1.0"] = "1.0"
    source: Literal["custom"] = "custom"
    id: _Id
    content: Content
    metadata: Metadata


@dataclass(frozen=True)
class Surroundings:
    """What messages lead to: MyApp's address (empty for no link), and the buttons' functions with their region."""

    app_url: str
    region: str
    retry_function: str
    status_function: str


def chat_notification(event: News, around: Surroundings) -> ChatNotification | None:
    """Return the message that tells the channel of an event; all of one incident, or outage, stand in one thread.

    None: it is for MyApp's timeline alone. Raises pydantic's ValidationError rather than
    make a message that the service would drop.
    """
    match event:
        case DataFlowIncidentChanged():
            return _incident(event, around)
        case WarehouseOutageChanged():
            return _outage(event)
    return _remedy(event, around) if event.outcome in _OUTCOMES else None


def _incident(event: DataFlowIncidentChanged, around: Surroundings) -> ChatNotification:
    kind = _STATES[event.state].format(kind=_KINDS[event.kind])
    return ChatNotification(
        id=str(event.event_id),
        content=Content(
            title=_title(f"{kind}: {event.report} of ", event.display_name),
            description="\n".join(_description(event, around.app_url)),
            nextSteps=_steps(event.remedy) if event.state is IncidentState.OPEN else (),
            keywords=(event.report, event.kind, event.cause),
        ),
        metadata=Metadata(
            threadId=str(event.incident_id),
            summary=f"{kind}: {event.report} of property {event.property_id}",
            eventType=type(event).__name__,
            relatedResources=(event.property_id,),
            additionalContext=_context(event, around),
        ),
    )


def _remedy(event: DataFlowRemedyReported, around: Surroundings) -> ChatNotification:
    """Return the answer to a press; the buttons stay below the incident's own messages."""
    lines = [words(event.message, _MESSAGE_LENGTH), f"*Retry pressed by* {words(event.requested_by or '', 150)}"]
    title = _OUTCOMES[event.outcome]
    return ChatNotification(
        id=str(event.event_id),
        content=Content(title=title, description="\n".join([*lines, *_link(event.data_flow_id, around.app_url)])),
        metadata=Metadata(
            threadId=str(event.incident_id),
            summary=title,
            eventType=type(event).__name__,
            enableCustomActions=False,
        ),
    )


def _outage(event: WarehouseOutageChanged) -> ChatNotification:
    is_begun, title = event.state is OutageState.BEGUN, _OUTAGES[event.state]
    lines = [f"*All data flows*, *since* {event.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"]
    if is_begun:
        lines.append(f"*What failed*\n{code_block(event.message, _MESSAGE_LENGTH)}")
    return ChatNotification(
        id=str(event.event_id),
        content=Content(title=title, description="\n".join(lines), nextSteps=_steps(event.remedy) if is_begun else ()),
        metadata=Metadata(
            threadId=str(event.outage_id),
            summary=title,
            eventType=type(event).__name__,
            enableCustomActions=False,
        ),
    )


def _steps(remedy: str) -> tuple[str, ...]:
    return (words(remedy, 600),) if remedy.strip() else ()


def _link(data_flow_id: UUID, app_url: str) -> tuple[str, ...]:
    return (f"<{app_url}/data-flows/{data_flow_id}/|Open the data flow in MyApp>",) if app_url else ()


def _title(beginning: str, name: str) -> str:
    return beginning + code(name, _TITLE_LENGTH - len(beginning))


def _description(event: DataFlowIncidentChanged, app_url: str) -> list[str]:
    days = f"{event.start_date}" if event.start_date == event.end_date else f"{event.start_date} to {event.end_date}"
    lines = [
        f"*Property* {code(event.display_name, 200)} ({event.property_id})",
        f"*Report* {event.report}, *days* {days}",
        f"*Since* {event.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    if event.state is not IncidentState.RESOLVED:
        lines.append(f"*What failed*\n{code_block(event.message, _MESSAGE_LENGTH)}")
    if event.attempts:
        lines.append(f"*Tries so far* {event.attempts}")
    if event.requested_by and event.requested_by.strip():
        lines.append(f"*Retry pressed by* {words(event.requested_by, 150)}")
    return [*lines, *_link(event.data_flow_id, app_url)]


def _context(event: DataFlowIncidentChanged, around: Surroundings) -> dict[str, str]:
    """Return what criteria and commands of the buttons read; without a run there is nothing to retry."""
    run = {"run_id": event.run_id} if event.run_id else {}
    return {
        **run,
        "ids": joined((event.run_id, str(event.incident_id), str(event.data_flow_id))),
        "region": around.region,
        "retry_function": around.retry_function,
        "status_function": around.status_function,
        "incident_id": str(event.incident_id),
        "property_id": event.property_id,
        "report": event.report,
        "kind": event.kind,
        "state": event.state,
    }

"""An incident as AWS's chat service takes it, with what the buttons below it read.

The service (once AWS Chatbot) drops without a word whatever is not of its form, so what is published is checked
against that form here: https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

from datetime import UTC
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dataflows.contracts.incidents import DataFlowIncidentChanged, IncidentKind, IncidentState
from warehouse.chat_text import code, code_block, words

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
_MESSAGE_LENGTH: Final = 1900
_TITLE_LENGTH: Final = 150

# Slack's own limits of what the service makes of them: a header of 150 characters, a section of 3,000
# (https://docs.slack.dev/reference/block-kit/blocks).
_Title = Annotated[str, Field(min_length=1, max_length=_TITLE_LENGTH)]
_Description = Annotated[str, Field(min_length=1, max_length=3000)]
_Step = Annotated[str, Field(min_length=1, max_length=1000)]
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]  # goes into a button's command: nothing to break out with


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
    additionalContext: dict[_Id, _Id]
    enableCustomActions: Literal[True] = True


class ChatNotification(_Part):
    """A custom notification of AWS's chat service, complete."""

    version: Literal["1.0"] = "1.0"
    source: Literal["custom"] = "custom"
    id: _Id
    content: Content
    metadata: Metadata


def chat_notification(event: DataFlowIncidentChanged, app_url: str) -> ChatNotification:
    """Return the message that tells the channel of an incident; all of one incident stand in one thread.

    `app_url` is where MyApp's pages answer, empty for no link. Raises pydantic's ValidationError rather than
    make a message that the service would drop.
    """
    kind = _STATES[event.state].format(kind=_KINDS[event.kind])
    return ChatNotification(
        id=str(event.event_id),
        content=Content(
            title=_title(f"{kind}: {event.report} of ", event.display_name),
            description="\n".join(_description(event, app_url)),
            nextSteps=(words(event.remedy, 600),) if event.remedy.strip() and event.state is IncidentState.OPEN else (),
            keywords=(event.report, event.kind, event.cause),
        ),
        metadata=Metadata(
            threadId=str(event.incident_id),
            summary=f"{kind}: {event.report} of property {event.property_id}",
            eventType=type(event).__name__,
            relatedResources=(event.property_id,),
            additionalContext=_context(event),
        ),
    )


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
    if app_url:
        lines.append(f"<{app_url}/data-flows/{event.data_flow_id}/|Open the data flow in MyApp>")
    return lines


def _context(event: DataFlowIncidentChanged) -> dict[str, str]:
    """Return what criteria and commands of the buttons read; without a run there is nothing to retry."""
    run = {"run_id": event.run_id} if event.run_id else {}
    return {
        **run,
        "incident_id": str(event.incident_id),
        "data_flow_id": str(event.data_flow_id),
        "property_id": event.property_id,
        "report": event.report,
        "kind": event.kind,
        "state": event.state,
    }

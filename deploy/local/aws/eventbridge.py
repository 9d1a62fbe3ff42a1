"""The EventBridge API: PutEvents and the checks of rules and targets are ours, the rest of it is moto's."""

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from deploy.local.aws import faults
from deploy.local.aws.answers import json_answer
from deploy.local.aws.event_delivery import Event, bus_admits, deliver, find_bus
from deploy.local.aws.event_pattern import check_pattern
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.aws.undelivered import DeliveryError, record_undelivered
from deploy.local.clock import EmulatedClock

_MOST_ENTRIES = 10
_MOST_BYTES = 256 * 1024
_REQUIRED_MEMBERS = ("Source", "DetailType", "Detail")
# moto would deliver these past the rules of event_delivery.py.
_NOT_EMULATED = frozenset({"StartReplay", "PutPartnerEvents", "TestEventPattern"})

Entry = dict[str, Any]

# moto's buses belong to the process, not to one endpoint in it; so does the time their events carry.
_clock: EmulatedClock | None = None


def use_clock(clock: EmulatedClock) -> None:
    """Let events carry this clock's time; before that, they carry the real one."""
    global _clock
    _clock = clock


def _now() -> datetime:
    return _clock.now() if _clock else datetime.now(UTC)


class EventBridge:
    """EventBridge of every account and region; `forward` passes a request on to moto."""

    scope = "events"

    def __init__(self, forward: Callable[[Request, Caller], Response]) -> None:
        self._forward = forward

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one call."""
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = json.loads(request.get_data() or b"{}")
        if operation == "PutEvents":
            return _put_events(body.get("Entries"), caller)
        if operation in _NOT_EMULATED:
            raise ServiceError("UnsupportedOperationException", f"The local EventBridge does not know {operation}.")
        if operation == "PutRule" and body.get("EventPattern"):
            check_pattern(_parsed_pattern(body["EventPattern"]))
        if operation == "PutTargets":
            _check_targets(body.get("Targets", []))
        return self._forward(request, caller)


def publish_service_event(
    account_id: str,
    region: str,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: Sequence[str] = (),
    time: datetime | None = None,
) -> str:
    """Put an event of an AWS service (`source` is `aws.…`) on an account's default bus; returns its id.

    `time` (aware) is when it happened; without it, it is the clock's now.
    """
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": list(resources)}
    event = _envelope(account_id, region, entry, time or _now())
    bus = find_bus(account_id, region, "default")
    if bus is None:
        raise LookupError(f"Account {account_id} has no default bus in {region}.")
    deliver(event, bus)
    return str(event["id"])


def _put_events(entries: Any, caller: Caller) -> Response:
    _check_request(entries)
    if faults.take_throttle():
        raise ServiceError("ThrottlingException", "Rate exceeded")
    failing = faults.take_failed_entries()
    results = [
        _failure("InternalFailure", "Internal failure.") if failing >> place & 1 else _put(entry, caller)
        for place, entry in enumerate(entries)
    ]
    return json_answer({"FailedEntryCount": sum("ErrorCode" in one for one in results), "Entries": results})


def _put(entry: Entry, caller: Caller) -> dict[str, str]:
    refusal = _refusal(entry)
    if refusal:
        return refusal
    at = datetime.fromtimestamp(entry["Time"], UTC) if "Time" in entry else _now()
    event = _envelope(caller.account_id, caller.region, entry, at)
    account_id, region, name = _bus_named(entry.get("EventBusName") or "default", caller)
    bus = find_bus(account_id, region, name)
    if bus is not None and bus_admits(bus, caller.principal_arn, event):
        deliver(event, bus)
    elif account_id != caller.account_id:
        return _failure("NotAuthorized", f"{caller.principal_arn} may not put events on {entry['EventBusName']}.")
    else:
        # AWS accepts events for a bus that is not there, and drops them.
        bus_arn = f"arn:aws:events:{region}:{account_id}:event-bus/{name}"
        record_undelivered(bus_arn, bus_arn, DeliveryError("NO_RESOURCE", f"{bus_arn} does not exist."), event)
    return {"EventId": event["id"]}


def _envelope(account_id: str, region: str, entry: Entry, at: datetime) -> Event:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": account_id,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": entry.get("Resources", []),
        "detail": json.loads(entry["Detail"]),
    }


def _bus_named(name_or_arn: str, caller: Caller) -> tuple[str, str, str]:
    if not name_or_arn.startswith("arn:"):
        return caller.account_id, caller.region, name_or_arn
    parts = name_or_arn.split(":", 5)
    if len(parts) != 6 or not parts[5].startswith("event-bus/"):
        raise ServiceError("ValidationException", f"{name_or_arn!r} is no ARN of an event bus.")
    return parts[4], parts[3], parts[5].removeprefix("event-bus/")


def _check_request(entries: Any) -> None:
    """Refuse a whole call; what is wrong with one entry fails that entry only."""
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_ENTRIES:
        raise ServiceError("ValidationException", f"Entries must hold 1 to {_MOST_ENTRIES} entries.")
    if sum(_size_bytes(entry) for entry in entries) > _MOST_BYTES:
        raise ServiceError("ValidationException", "Total size of the entries in the request is over the limit.")


def _size_bytes(entry: Entry) -> int:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *entry.get("Resources", [])]
    return (14 if "Time" in entry else 0) + sum(len(text.encode()) for text in texts if text)


def _refusal(entry: Entry) -> dict[str, str] | None:
    for member in _REQUIRED_MEMBERS:
        if not entry.get(member):
            message = f"Parameter {member} is not valid. Reason: {member} is a required argument."
            return _failure("InvalidArgument", message)
    if entry["Source"].startswith("aws."):
        return _failure("NotAuthorizedForSourceException", "Not authorized for the source.")
    if not _is_json_object(entry["Detail"]):
        return _failure("MalformedDetail", "Detail is malformed.")
    return None


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _failure(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}


def _parsed_pattern(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        reason = f"Event pattern is not valid. Reason: {error}"
        raise ServiceError("InvalidEventPatternException", reason) from error


def _check_targets(targets: list[dict[str, Any]]) -> None:
    for target in targets:
        if ":event-bus/" not in target["Arn"]:
            continue
        if not target.get("RoleArn"):
            raise ServiceError("ValidationException", f"RoleArn is required for target {target['Arn']}.")
        if "InputTransformer" in target:
            raise ServiceError("ValidationException", f"InputTransformer is not supported for target {target['Arn']}.")

"""S3 event notifications to queues and topics, put in the place of moto's.

moto's have no sequencer or versionId, encode slashes in keys, ask no policy, announce a multipart upload twice,
and lose without a word what cannot be delivered. Times are the real clock's, as S3's LastModified is.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from moto.s3 import notifications
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, Notification
from moto.s3.notifications import S3NotificationEvent

from deploy.local.aws.destinations import send_to_queue, send_to_topic
from deploy.local.aws.undelivered import DeliveryError, record_undelivered

_SERVICE_PRINCIPAL = "s3.amazonaws.com"


def install() -> None:
    """Let moto's S3 notify through this module; installing again changes nothing."""
    notifications.send_event = _notify
    notifications.send_test_event = _send_test_event
    FakeBucket.set_notification_configuration = _set_configuration  # type: ignore[method-assign, assignment]


_moto_set_configuration = FakeBucket.set_notification_configuration


def _set_configuration(bucket: FakeBucket, configuration: dict[str, Any] | None) -> None:
    """Set a bucket's notifications only if every destination takes the test message, as S3 validates them."""
    if configuration and configuration.keys() & {"CloudFunctionConfiguration", "EventBridgeConfiguration"}:
        raise S3ClientError("NotImplemented", "The local S3 notifies queues and topics only.")
    previous = bucket.notification_configuration
    try:
        _moto_set_configuration(bucket, configuration)
    except S3ClientError:
        bucket.notification_configuration = previous
        raise


def _send_test_event(account_id: str, bucket: FakeBucket) -> None:
    # moto passes the account of the caller; the bucket's owner is what matters.
    del account_id
    message = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _now(),
        "Bucket": bucket.name,
        "RequestId": _request_id(),
        "HostId": _request_id(),
    }
    for notification, send in _destinations(bucket):
        _check_is_standard(notification.arn)
        try:
            send(notification.arn, json.dumps(message), _SERVICE_PRINCIPAL, _context(bucket))
        except DeliveryError as error:
            raise S3ClientError(
                "InvalidArgument", f"Unable to validate the following destination configurations ({error})"
            ) from error


def _check_is_standard(arn: str) -> None:
    if arn.endswith(".fifo"):
        raise S3ClientError("InvalidArgument", f"S3 does not notify FIFO queues or topics: {arn}")


def _notify(
    account_id: str, event_name: S3NotificationEvent, bucket: FakeBucket, key: FakeKey | FakeDeleteMarker
) -> None:
    del account_id
    if bucket.notification_configuration is None or _announces_a_part_of_multipart(event_name, key):
        return
    for notification, send in _destinations(bucket):
        if not notification.matches(event_name, key.name):
            continue
        message = {"Records": [_record(event_name, bucket, key, notification.id)]}
        try:
            send(notification.arn, json.dumps(message), _SERVICE_PRINCIPAL, _context(bucket))
        except DeliveryError as error:
            record_undelivered(bucket.arn, notification.arn, error, message)


def _announces_a_part_of_multipart(event_name: S3NotificationEvent, key: FakeKey | FakeDeleteMarker) -> bool:
    # moto completes a multipart upload by a Put of its own, and announces both.
    is_put = event_name == S3NotificationEvent.OBJECT_CREATED_PUT_EVENT
    return is_put and getattr(key, "multipart", None) is not None


Send = Callable[[str, str, str, dict[str, str]], None]


def _destinations(bucket: FakeBucket) -> list[tuple[Notification, Send]]:
    configuration = bucket.notification_configuration
    if configuration is None:
        return []
    queues: list[tuple[Notification, Send]] = [(one, send_to_queue) for one in configuration.queue]
    return queues + [(one, send_to_topic) for one in configuration.topic]


def _context(bucket: FakeBucket) -> dict[str, str]:
    return {"aws:SourceArn": bucket.arn, "aws:SourceAccount": bucket.account_id}


def _record(
    event_name: str, bucket: FakeBucket, key: FakeKey | FakeDeleteMarker, notification_id: str
) -> dict[str, Any]:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": _now(),
        "eventName": event_name.removeprefix("s3:"),
        "userIdentity": {"principalId": f"AWS:{bucket.account_id}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": _request_id(), "x-amz-id-2": _request_id()},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": notification_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": bucket.account_id},
                "arn": bucket.arn,
            },
            "object": _described_object(event_name, bucket, key),
        },
    }


def _described_object(event_name: str, bucket: FakeBucket, key: FakeKey | FakeDeleteMarker) -> dict[str, Any]:
    described: dict[str, Any] = {"key": quote_plus(key.name, safe="/")}
    if isinstance(key, FakeKey) and not event_name.startswith("s3:ObjectRemoved"):
        described |= {"size": key.size, "eTag": key.etag.strip('"')}
    if bucket.is_versioned:
        described["versionId"] = key.version_id
    return described | {"sequencer": _next_sequencer()}


_sequencer_lock = threading.Lock()
_last_sequence = 0


def _next_sequencer() -> str:
    """Return a hexadecimal text that grows with every event, also when two happen within one tick of the clock."""
    global _last_sequence
    with _sequencer_lock:
        _last_sequence = max(_last_sequence + 1, time.time_ns())
        return f"{_last_sequence:018X}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _request_id() -> str:
    return secrets.token_hex(8).upper()

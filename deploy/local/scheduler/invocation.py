"""One invocation of a target: what is sent, with whose credentials, and where it goes when that fails."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.local.aws.credentials import Credentials
from deploy.local.aws.roles import find_role
from deploy.local.aws.service import ServiceError
from deploy.local.aws.undelivered import DeliveryError, record_undelivered
from deploy.local.scheduler.service_model import Members

# Its arguments: a service principal, the ARN of a role and a session name; raises ServiceError where it may not.
AssumeRoleAsService = Callable[[str, str, str], Credentials]

_PRINCIPAL: Final = "scheduler.amazonaws.com"
_SESSION_NAME: Final = "eventbridge-scheduler"
_DEFAULT_ATTEMPTS: Final = 185
_DEFAULT_AGE_SECONDS: Final = 86_400
_LONGEST_BACKOFF_SECONDS: Final = 600
_CLIENT_CONFIG: Final = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)


@dataclass(frozen=True)
class Invocation:
    """A target to be invoked for one due moment of a schedule; `next_attempt_at` is when to try (again)."""

    schedule_arn: str
    target: Members = field(repr=False)
    scheduled_at: datetime
    next_attempt_at: datetime
    attempt: int = 1
    execution_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def body(self) -> str:
        """Return what the target receives, the context attributes filled in."""
        text = self.target.get("Input") or json.dumps(self._default_event())
        attributes = {
            "scheduled-time": _written(self.scheduled_at),
            "schedule-arn": self.schedule_arn,
            "execution-id": self.execution_id,
            "attempt-number": str(self.attempt),
        }
        for name, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text

    def retry(self, now: datetime) -> "Invocation | None":
        """Return the next attempt, or None where the retry policy allows no more."""
        policy = self.target.get("RetryPolicy", {})
        wait = timedelta(seconds=min(2**self.attempt, _LONGEST_BACKOFF_SECONDS))
        last_at = self.scheduled_at + timedelta(seconds=policy.get("MaximumEventAgeInSeconds", _DEFAULT_AGE_SECONDS))
        if self.attempt > policy.get("MaximumRetryAttempts", _DEFAULT_ATTEMPTS) or now + wait > last_at:
            return None
        return replace(self, attempt=self.attempt + 1, next_attempt_at=now + wait)

    def _default_event(self) -> dict[str, Any]:
        _, _, _, region, account_id, _ = self.schedule_arn.split(":", 5)
        return {
            "version": "0",
            "id": self.execution_id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": account_id,
            "time": _written(self.scheduled_at),
            "region": region,
            "resources": [self.schedule_arn],
            "detail": "{}",
        }


class InvocationFailedError(Exception):
    """A target that did not take an invocation; `code` is what a dead-letter message is marked with."""

    def __init__(self, code: str, message: str, *, is_retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.is_retryable = is_retryable


class Invoker:
    """Sends invocations to their targets, over the wire, with the credentials of each target's role."""

    def __init__(self, endpoint_url: str, assume_role_as_service: AssumeRoleAsService) -> None:
        self._endpoint_url = endpoint_url
        self._assume_role_as_service = assume_role_as_service
        self._session = boto3.Session()  # keeps what it has read of botocore's models

    def check_role(self, role_arn: str) -> None:
        """Raise ServiceError ValidationException unless the scheduler may assume the role."""
        try:
            self._assume_role_as_service(_PRINCIPAL, role_arn, _SESSION_NAME)
        except ServiceError as error:
            message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            raise ServiceError("ValidationException", f"{message} ({error})") from error

    def invoke(self, invocation: Invocation) -> None:
        """Send one invocation. Raises InvocationFailedError."""
        target = invocation.target
        service = target["Arn"].split(":")[2]
        if service == "sqs":
            group_id = target.get("SqsParameters", {}).get("MessageGroupId")
            self._send_message(target["RoleArn"], target["Arn"], invocation.body(), group_id)
        else:
            self._put_event(invocation)

    def give_up(self, invocation: Invocation, error: InvocationFailedError) -> None:
        """Send a failed invocation to the schedule's dead-letter queue; without one it is recorded as lost."""
        target = invocation.target
        queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
        if queue_arn is None:
            self._record_lost(invocation, target["Arn"], error)
            return
        attributes = {
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error),
            "EXECUTION_ID": invocation.execution_id,
            "SCHEDULE_ARN": invocation.schedule_arn,
            "TARGET_ARN": target["Arn"],
        }
        try:
            self._send_message(target["RoleArn"], queue_arn, invocation.body(), None, attributes)
        except InvocationFailedError as second:
            self._record_lost(invocation, queue_arn, second)

    def _send_message(
        self, role_arn: str, queue_arn: str, body: str, group_id: str | None, attributes: dict[str, str] | None = None
    ) -> None:
        _, _, _, _, account_id, name = queue_arn.split(":", 5)
        message: dict[str, Any] = {"QueueUrl": f"{self._endpoint_url}/{account_id}/{name}", "MessageBody": body}
        if group_id:
            message |= {"MessageGroupId": group_id, "MessageDeduplicationId": str(uuid.uuid4())}
        if attributes:
            typed = {key: {"DataType": "String", "StringValue": value[:1000]} for key, value in attributes.items()}
            message["MessageAttributes"] = typed
        self._call(role_arn, "sqs:SendMessage", queue_arn, lambda client: client.send_message(**message))

    def _put_event(self, invocation: Invocation) -> None:
        target = invocation.target
        entry = {
            "Source": target["EventBridgeParameters"]["Source"],
            "DetailType": target["EventBridgeParameters"]["DetailType"],
            "Detail": invocation.body(),
            "Resources": [invocation.schedule_arn],
            "EventBusName": target["Arn"],
        }
        answer = self._call(
            target["RoleArn"], "events:PutEvents", target["Arn"], lambda client: client.put_events(Entries=[entry])
        )
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise InvocationFailedError(failed["ErrorCode"], failed["ErrorMessage"], is_retryable=True)

    def _call(self, role_arn: str, action: str, resource_arn: str, call: Callable[[Any], dict[str, Any]]) -> Any:
        try:
            credentials = self._assume_role_as_service(_PRINCIPAL, role_arn, _SESSION_NAME)
            _check_role_may(role_arn, action, resource_arn)
            return call(self._client(credentials, resource_arn))
        except ServiceError as error:
            raise InvocationFailedError(error.code, str(error), is_retryable=False) from error
        except ClientError as error:
            details, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            is_retryable = status >= 500 or "Throttl" in details["Code"]
            raise InvocationFailedError(details["Code"], str(error), is_retryable=is_retryable) from error
        except BotoCoreError as error:
            raise InvocationFailedError("CONNECTION_FAILURE", str(error), is_retryable=True) from error

    def _client(self, credentials: Credentials, resource_arn: str) -> Any:
        _, _, service, region, *_ = resource_arn.split(":")
        make: Any = self._session.client  # its types know each service by name; here the name is a variable
        return make(
            service,
            region_name=region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            config=_CLIENT_CONFIG,
        )

    def _record_lost(self, invocation: Invocation, target_arn: str, error: InvocationFailedError) -> None:
        message = {"body": invocation.body(), "attempt": invocation.attempt}
        record_undelivered(invocation.schedule_arn, target_arn, DeliveryError(error.code, str(error)), message)


def _check_role_may(role_arn: str, action: str, resource_arn: str) -> None:
    # moto's queues don't ask what the sender's role allows.
    role = find_role(role_arn)
    if role is None or not role.may(action, resource_arn):
        raise ServiceError("AccessDeniedException", f"{role_arn} does not allow {action} on {resource_arn}.", 403)


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")

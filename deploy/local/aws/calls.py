"""The record of who called what: one JSON object a line, each different call once.

    {"role": ARN, "service": "sqs", "operation": "SendMessage", "action": "sqs:SendMessage", "resource": ARN,
     "context": {condition key: value}, "names": [ARNs of what it uses besides]}

Only roles are recorded: an account's root is the provisioner here. An operation that `actions.py` has no row for is
recorded without an action, so that who compares the record with the policies can't overlook it.
"""

import json
import logging
import threading
from dataclasses import asdict
from pathlib import Path

from botocore.exceptions import BotoCoreError
from werkzeug.wrappers import Request

from deploy.local.aws.actions import Access, UnknownOperationError, accesses
from deploy.local.aws.operations import read_operation
from deploy.local.aws.service import Caller

logger = logging.getLogger(__name__)

# moto's resources belong to the process, not to one endpoint in it; so does the record of who used them.
_path: Path | None = None
_recorded: set[str] = set()
_lock = threading.Lock()


def record_to(path: Path | None) -> None:
    """Add what is called from now on to a file, which several processes may share; None records nothing."""
    global _path
    with _lock:
        _path = path
        _recorded.clear()


def record_request(request: Request, caller: Caller, scope: str) -> None:
    """Record a signed request, if a role made it. Its body may be read again afterwards."""
    if _path is None or ":role/" not in caller.principal_arn:
        return
    operation = ""
    try:
        operation, members = read_operation(scope, request)
        found = accesses(scope, operation, members, caller)
    except (UnknownOperationError, BotoCoreError, KeyError, ValueError) as error:
        logger.warning("What IAM asks for is not known: %r", error)
        found = [Access("", "")]
    for access in found:
        _record(caller.principal_arn, scope, operation, access)


def record_use(role_arn: str, service_principal: str, action: str, resource: str) -> None:
    """Record what a service did as a role without a request of its own, such as a rule that forwards."""
    _record(role_arn, service_principal, action.partition(":")[2], Access(action, resource))


def _record(role_arn: str, service: str, operation: str, access: Access) -> None:
    call = {"role": role_arn, "service": service, "operation": operation, **asdict(access)}
    line = json.dumps(call, sort_keys=True)
    with _lock:
        if _path is None or line in _recorded:
            return
        _recorded.add(line)
        with _path.open("a") as record:  # a line is written at once, so processes do not mix theirs
            record.write(line + "\n")

"""STS: roles are assumed only if they exist and their trust policy admits who asks.

moto's own STS hands out credentials for any role to anybody; then a wrong trust policy in a template would
only show in a real account.
"""

import logging
import re

from werkzeug.wrappers import Request, Response

from deploy.local.aws.answers import query_answer
from deploy.local.aws.calls import record_use
from deploy.local.aws.credentials import Credentials, find_session, issue_credentials
from deploy.local.aws.roles import Role, find_role
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.aws.signature import read_signature

logger = logging.getLogger(__name__)

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SHORTEST_SESSION_SECONDS = 900


class Sts:
    """The part of STS the product uses: AssumeRole and GetCallerIdentity."""

    scope = "sts"

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one call."""
        action = request.form.get("Action", "")
        if action == "AssumeRole":
            return query_answer(action, _assume_role(request, caller))
        if action == "GetCallerIdentity":
            return query_answer(action, _caller_identity(request, caller))
        raise ServiceError("InvalidAction", f"The local STS does not know {action!r}: AssumeRole or GetCallerIdentity.")


def assume_role_as_service(
    service_principal: str, role_arn: str, session_name: str, source_arn: str | None = None
) -> Credentials:
    """Return credentials for a role that an AWS service (such as `lambda.amazonaws.com`) assumes, for one hour.

    A service works for a resource of the role's own account, so that is its `aws:SourceAccount`. Redshift names the
    database user as `sts:ExternalId`: https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
    Raises ServiceError AccessDenied when the role is missing or does not trust the service.
    """
    account_id = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    context = {"aws:SourceAccount": account_id}
    if service_principal.startswith("redshift"):
        user = f"dbuser:serverless-{account_id}-local/user"
        context = {"sts:ExternalId": f"arn:aws:redshift:us-east-1:{account_id}:{user}"}
    if source_arn:
        context["aws:SourceArn"] = source_arn
    issued = _issue(service_principal, role_arn, session_name, context, 3600)
    record_use(role_arn, service_principal, "sts:AssumeRole", role_arn)
    return issued


def _assume_role(request: Request, caller: Caller) -> dict[str, object]:
    form = request.form
    context = {"sts:ExternalId": form["ExternalId"]} if "ExternalId" in form else {}
    duration_seconds = form.get("DurationSeconds", 3600, type=int)
    issued = _issue(
        caller.principal_arn, form.get("RoleArn", ""), form.get("RoleSessionName", ""), context, duration_seconds
    )
    return {
        "Credentials": issued.as_json(),
        "AssumedRoleUser": {"AssumedRoleId": f"AROALOCAL:{issued.session_name}", "Arn": issued.session_arn},
    }


def _issue(
    principal: str, role_arn: str, session_name: str, context: dict[str, str], duration_seconds: int
) -> Credentials:
    if not _SESSION_NAME.fullmatch(session_name):
        raise ServiceError("ValidationError", f"RoleSessionName {session_name!r} must match [\\w+=,.@-]{{2,64}}.")
    role = find_role(role_arn)
    if role is None:
        raise _denied(principal, role_arn, "the role does not exist")
    if not role.trusts(principal, {"sts:RoleSessionName": session_name, **context}):
        raise _denied(principal, role_arn, "its trust policy does not admit this principal under these conditions")
    _check_duration(role, duration_seconds)
    return issue_credentials(role_arn, session_name, duration_seconds)


def _check_duration(role: Role, duration_seconds: int) -> None:
    if not _SHORTEST_SESSION_SECONDS <= duration_seconds <= role.max_session_seconds:
        allowed = f"{_SHORTEST_SESSION_SECONDS} to {role.max_session_seconds}"
        raise ServiceError("ValidationError", f"DurationSeconds is {duration_seconds}; {role.arn} allows {allowed}.")


def _denied(principal: str, role_arn: str, reason: str) -> ServiceError:
    logger.warning("%s may not assume %s: %s.", principal, role_arn, reason)
    message = f"User: {principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    return ServiceError("AccessDenied", f"{message} (Local stack: {reason}.)", 403)


def _caller_identity(request: Request, caller: Caller) -> dict[str, object]:
    signature = read_signature(request)
    session = find_session(signature.access_key_id) if signature else None
    if session is None:
        return {"Arn": caller.principal_arn, "UserId": caller.account_id, "Account": caller.account_id}
    return {"Arn": session.session_arn, "UserId": f"AROALOCAL:{session.session_name}", "Account": caller.account_id}

"""Limits of a workgroup's use: kept and told, never reached."""

import uuid
from collections.abc import Callable
from typing import Any

from deploy.local.aws.service import Caller, ServiceError
from deploy.local.redshift.json_protocol import validation_error
from deploy.local.redshift.workgroup import Workgroup

_DEFAULTS = {"period": "monthly", "breachAction": "log"}


class UsageLimits:
    """The operations on the limits of one workgroup."""

    def __init__(self, workgroup: Workgroup) -> None:
        self._workgroup = workgroup
        self._limits: dict[str, dict[str, Any]] = {}

    def operations(self) -> dict[str, Callable[[dict[str, Any], Caller], dict[str, Any]]]:
        """Return every operation by its name."""
        return {
            "CreateUsageLimit": self._create,
            "UpdateUsageLimit": self._update,
            "ListUsageLimits": self._list,
            "DeleteUsageLimit": self._delete,
        }

    def _create(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._check(body, caller)
        limit = {**_DEFAULTS, **body, "usageLimitId": str(uuid.uuid4())}
        if any(_kind(one) == _kind(limit) for one in self._limits.values()):
            raise ServiceError("ConflictException", "There is a limit of this kind already.")
        self._limits[limit["usageLimitId"]] = limit
        return {"usageLimit": limit}

    def _update(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        limit = self._find(body["usageLimitId"])
        self._check({**limit, **body}, caller)
        limit.update(body)
        return {"usageLimit": limit}

    def _list(self, body: dict[str, Any], _caller: Caller) -> dict[str, Any]:
        wanted = {name: body[name] for name in ("resourceArn", "usageType") if name in body}
        return {"usageLimits": [one for one in self._limits.values() if wanted.items() <= one.items()]}

    def _delete(self, body: dict[str, Any], _caller: Caller) -> dict[str, Any]:
        limit = self._find(body["usageLimitId"])
        del self._limits[limit["usageLimitId"]]
        return {"usageLimit": limit}

    def _find(self, limit_id: str) -> dict[str, Any]:
        if limit_id not in self._limits:
            raise ServiceError("ResourceNotFoundException", f"Usage limit {limit_id} does not exist.")
        return self._limits[limit_id]

    def _check(self, body: dict[str, Any], caller: Caller) -> None:
        if not self._workgroup.is_named_by(body.get("resourceArn"), caller):
            raise ServiceError("ResourceNotFoundException", f"Resource {body.get('resourceArn')} does not exist.")
        if body["amount"] < 1:
            raise validation_error("amount must be positive.")


def _kind(limit: dict[str, Any]) -> tuple[Any, ...]:
    return limit["resourceArn"], limit["usageType"], limit["period"], limit["breachAction"]

"""Evaluates resource and trust policies: who may do what to which resource, and under which conditions.

What it cannot evaluate (an unknown operator or condition key, NotAction, NotResource, NotPrincipal) never
admits anybody: such an Allow does not count, such a Deny does. The log names it.
"""

import functools
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)

Document = Mapping[str, Any]

# Every account of the stack belongs to this organisation, so that policies on aws:PrincipalOrgID can be tried.
ORGANIZATION_ID = "o-local000000"

KNOWN_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "cloudwatch:namespace",
        "codeconnections:branchname",
        "codeconnections:fullrepositoryid",
        "codeconnections:providerpermissionsrequired",
        "ec2:authorizedservice",
        "events:detail-type",
        "events:source",
        "iam:awsservicename",
        "iam:passedtoservice",
        "iam:permissionsboundary",
        "iam:policyarn",
        "redshift-data:statement-owner-iam-userid",
        "sts:externalid",
        "sts:rolesessionname",
    }
)


@dataclass(frozen=True)
class AccessRequest:
    """One question to a policy: `principal` is a service's name (`s3.amazonaws.com`), a role's ARN or a root's."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> str | None:
        """Return what the request says of a condition key; the case of keys does not matter."""
        given = {name.lower(): value for name, value in self.context.items()}
        return (_values_of_principal(self.principal) | given).get(key.lower())


def resource_policy_admits(policy: Document | None, request: AccessRequest) -> bool:
    """Tell whether a resource's policy (or a role's trust policy) lets the principal act; no policy admits nobody."""
    statements = _statements(policy or {})
    return _decide(statements, request, (_principal_applies, _action_applies, _resource_applies, _conditions_apply))


def identity_policies_admit(policies: Iterable[Document], request: AccessRequest) -> bool:
    """Tell whether the policies of the acting role itself allow the action on the resource."""
    statements = [statement for policy in policies for statement in _statements(policy)]
    return _decide(statements, request, (_action_applies, _resource_applies, _conditions_apply))


# True: it applies. False: it does not. None: this evaluator cannot tell.
Verdict = bool | None
Part = Callable[[Document, AccessRequest], Verdict]


def _decide(statements: Iterable[Document], request: AccessRequest, parts: Sequence[Part]) -> bool:
    allowed = False
    for statement in statements:
        verdict = _conjunction(part(statement, request) for part in parts)
        if statement["Effect"] == "Deny" and verdict is not False:
            return False
        allowed = allowed or (statement["Effect"] == "Allow" and verdict is True)
    return allowed


def _conjunction(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    if False in found:
        return False
    return None if None in found else True


def _principal_applies(statement: Document, request: AccessRequest) -> Verdict:
    if "Principal" not in statement:
        return _cannot_evaluate("a statement without Principal")
    principal = statement["Principal"]
    if principal == "*":
        return True
    named = [*_listed(principal.get("AWS")), *_listed(principal.get("Service"))]
    return any(name in _names_of_principal(request.principal) for name in named)


def _action_applies(statement: Document, request: AccessRequest) -> Verdict:
    if "Action" not in statement:
        return _cannot_evaluate("NotAction")
    return any(is_like(pattern.lower(), request.action.lower()) for pattern in _listed(statement["Action"]))


def _resource_applies(statement: Document, request: AccessRequest) -> Verdict:
    if "NotResource" in statement:
        return _cannot_evaluate("NotResource")
    # A trust policy has no Resource: it is the role's own.
    return any(is_like(pattern, request.resource) for pattern in _listed(statement.get("Resource", "*")))


def _conditions_apply(statement: Document, request: AccessRequest) -> Verdict:
    return _conjunction(
        _condition_holds(operator, key, _listed(expected), request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, expected in keys.items()
    )


def _condition_holds(operator: str, key: str, expected: list[str], request: AccessRequest) -> Verdict:
    if key.lower() not in KNOWN_KEYS:
        return _cannot_evaluate(f"the condition key {key}")
    actual = request.value(key)
    if operator == "Null":
        return (actual is None) == (expected == ["true"])
    quantifier, _, test_name = operator.rpartition(":")
    base = test_name.removesuffix("IfExists")
    test = _TESTS.get(base.replace("Not", ""))
    if test is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        return _cannot_evaluate(f"the condition operator {operator}")
    if actual is None:
        # As in IAM: ForAllValues holds for a key that is absent. That is why such policies need a Null condition too.
        return quantifier == "ForAllValues" or (quantifier == "" and base != test_name) or "Not" in base
    return ("Not" in base) != any(test(value, actual) for value in expected)


def is_like(pattern: str, text: str) -> bool:
    """Tell whether a text is what a policy's pattern stands for: `*` is any characters, `?` is one."""
    return _expression(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(character) or re.escape(character) for character in pattern), re.DOTALL)


def _is_arn_like(pattern: str, arn: str) -> bool:
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(is_like, patterns, parts))


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda expected, actual: expected == actual,
    "StringLike": is_like,
    "ArnEquals": _is_arn_like,
    "ArnLike": _is_arn_like,
    "Bool": lambda expected, actual: expected.lower() == actual.lower(),
}


def _values_of_principal(principal: str) -> dict[str, str]:
    # All traffic between the emulated services counts as encrypted, as it is in AWS.
    always = {"aws:securetransport": "true"}
    if not principal.startswith("arn:"):
        return always
    account_id = principal.split(":")[4]
    return always | {
        "aws:principalarn": principal,
        "aws:principalaccount": account_id,
        "aws:principalorgid": ORGANIZATION_ID,
    }


def _names_of_principal(principal: str) -> set[str]:
    if not principal.startswith("arn:"):
        return {"*", principal}
    account_id = principal.split(":")[4]
    return {"*", principal, account_id, f"arn:aws:iam::{account_id}:root"}


def _statements(policy: Document) -> list[Document]:
    statements = policy.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _listed(value: Any) -> list[str]:
    """Return one string, boolean or a list of them as a list of strings: JSON policies hold either."""
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def _cannot_evaluate(what: str) -> Verdict:
    logger.warning("A policy uses %s, which the local policy evaluator does not know: it admits nobody.", what)
    return None

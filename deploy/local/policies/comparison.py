"""Compares calls with policies, both ways: what was called must be allowed, what is allowed must have been called."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deploy.local.aws.policy import is_like
from deploy.local.policies.excepted import EXCEPTED, MOST, Excepted
from deploy.local.policies.facts import facts_of
from deploy.local.policies.implied import implied_by
from deploy.local.policies.record import Call
from deploy.local.policies.roles import Permission, Role, guardrails_of, roles_of
from deploy.local.policies.wildcards import may_be_open
from deploy.local.templates.resolved import Stack


@dataclass(frozen=True)
class Problem:
    """What a role may not though it does, or may though it does not; `text` says what to do."""

    kind: str  # not_allowed or unused
    role: str
    action: str
    resource: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.role}: {self.text}"


@dataclass(frozen=True)
class Outcome:
    """What a comparison found."""

    roles: int
    actions_called: int
    problems: tuple[Problem, ...]
    excepted: tuple[Excepted, ...]

    def summary(self) -> dict[str, int]:
        """Return the numbers that the check prints."""
        kinds = [problem.kind for problem in self.problems]
        return {
            "roles": self.roles,
            "actions_called": self.actions_called,
            "not_allowed": kinds.count("not_allowed"),
            "unused": kinds.count("unused"),
            "excepted": len(self.excepted),
        }


def compare(
    calls: Sequence[Call],
    local: list[Stack],
    deployed: list[Stack],
    exceptions: tuple[Excepted, ...] = EXCEPTED,
) -> Outcome:
    """Compare what was called with the stacks as they run here, and what is allowed in both forms of them.

    Raises ValueError for more exceptions than there may be.
    """
    if len(exceptions) > MOST:
        raise ValueError(f"{len(exceptions)} exceptions; there may be {MOST}.")
    made = [call for call in calls if not call.is_assumption]
    ran, meant = _Demands(made, local, have_run=True), _Demands(made, deployed, have_run=False)
    found = [
        *_unknown(made, ran.roles),
        *_never_ran(calls, ran.roles),
        *ran.not_allowed(),
        *meant.not_allowed(),
        *_unless_excepted([*ran.unused(), *meant.unused()], exceptions),
    ]
    return Outcome(
        roles=len({(role.name, role.template) for role in (*ran.roles, *meant.roles)}),
        actions_called=len({(call.role_arn, call.action) for call in made}),
        problems=tuple(dict.fromkeys(found)),
        excepted=exceptions,
    )


class _Demands:
    """What the roles of some stacks were seen to do, with all that this implies."""

    def __init__(self, calls: Sequence[Call], stacks: list[Stack], *, have_run: bool) -> None:
        self.roles = roles_of(stacks)
        self._have_run = have_run
        self._holders = [*self.roles, *guardrails_of(stacks)]
        facts = facts_of(stacks, self.roles)
        self._must_be_allowed = [*calls, *implied_by([*calls, *facts], self.roles, stacks)]

    def not_allowed(self) -> Iterator[Problem]:
        """Yield the calls that a role's policies do not allow; those of the record are of the stacks that ran."""
        by_arn = {role.arn: role for role in self.roles}
        for call in self._must_be_allowed:
            role = by_arn.get(call.role_arn)
            is_of_record = not call.operation.startswith("implied by ")
            if role is None or not call.action or (is_of_record and not self._have_run):
                continue
            if not role.may(call.action, call.resource, call.context):
                yield _not_allowed(role, call)

    def unused(self) -> Iterator[Problem]:
        """Yield the permissions that nothing needs, and those that say more than was needed."""
        for role in self._holders:
            own = [call for call in self._must_be_allowed if call.role_arn == role.arn]
            for permission in role.permissions():
                if text := _too_much(permission, own):
                    place = role.place(permission.action)
                    yield Problem("unused", role.name, permission.action, permission.resource, f"{text} ({place})")


def _unknown(calls: Iterable[Call], roles: Iterable[Role]) -> Iterator[Problem]:
    """Yield the calls that nobody can judge."""
    known = {role.arn: role.name for role in roles}
    for call in calls:
        name = known.get(call.role_arn, call.role_arn)
        if not call.action:
            text = (
                f"called {call.service}:{call.operation or '?'}, and nobody has said what IAM asks for that: "
                "add a row to deploy/local/aws/actions.py"
            )
            yield Problem("not_allowed", name, f"{call.service}:{call.operation}", "", text)
        elif call.role_arn not in known:
            yield Problem("not_allowed", name, call.action, call.resource, f"did {call.action}, and is in no template")


def _never_ran(calls: Iterable[Call], roles: Iterable[Role]) -> Iterator[Problem]:
    """Yield the roles of functions that no function took on: nothing of theirs was seen."""
    assumed = {call.role_arn for call in calls if call.is_assumption}
    for role in roles:
        if "lambda.amazonaws.com" in role.principals and role.arn not in assumed:
            yield Problem("unused", role.name, "", role.arn, f"its function never ran ({role.place()})")


def _not_allowed(role: Role, call: Call) -> Problem:
    why = f" ({call.operation})" if call.operation.startswith("implied by ") else ""
    text = f"does {call.action} on {call.resource}{why}, and no policy of it allows that: add it at {role.place()}"
    return Problem("not_allowed", role.name, call.action, call.resource, text)


def _too_much(permission: Permission, calls: Sequence[Call]) -> str | None:
    """Say what is too much about a permission, if anything is."""
    action, resource = permission.action, permission.resource
    if action in ("NotAction", "*") or ("*" in action or "?" in action) or resource == "NotResource":
        return f"allows {action} on {resource}: write out which actions on which resources"
    used = [
        call.resource for call in calls if call.action.lower() == action.lower() and is_like(resource, call.resource)
    ]
    if not used:
        return f"may do {action} on {resource}, which nothing did: take it away, or let the check do it"
    if "*" not in resource or may_be_open(action, resource):
        return None
    if resource == "*":
        return f"may do {action} on everything; it did so on {_some(used)}: name that"
    return f"may do {action} on {resource}, which is more than {_some(used)}: name that"


def _some(resources: Iterable[str]) -> str:
    return ", ".join(sorted(set(resources))[:3])


def _unless_excepted(problems: Iterable[Problem], exceptions: tuple[Excepted, ...]) -> Iterator[Problem]:
    """Yield the problems that no exception is for, and the exceptions that nothing needs."""
    needed: set[tuple[str, str]] = set()
    for problem in problems:
        excepted = [one for one in exceptions if one.is_for(problem.action, problem.role)]
        needed.update((one.action, problem.role) for one in excepted)
        if not excepted:
            yield problem
    for one in exceptions:
        for role in one.roles:
            if (one.action, role) not in needed:
                text = f"{one.action} is excepted in deploy/local/policies/excepted.py, and need not be: take it out"
                yield Problem("unused", role, one.action, "", text)

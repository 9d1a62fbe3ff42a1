"""What the templates allow each role: its statements, one permission for each action on each resource."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.aws.policy import AccessRequest, Document, identity_policies_admit
from deploy.local.state import REPOSITORY
from deploy.local.templates.resolved import Stack

MANAGED = "managed policy"  # stands for the action where a policy of AWS's own is attached


@dataclass(frozen=True)
class Permission:
    """One action on one resource, as an Allow of a role writes them: either may hold wildcards."""

    action: str
    resource: str


@dataclass(frozen=True)
class Role:
    """A role of a template; `documents` are its own policies, whatever template they stand in."""

    name: str
    arn: str
    template: Path
    principals: tuple[str, ...]
    documents: tuple[Document, ...]
    managed_arns: tuple[str, ...]

    def permissions(self) -> Iterator[Permission]:
        """Yield each action on each resource that an Allow names."""
        for statement in self.statements():
            if statement["Effect"] != "Allow":
                continue
            for action in listed(statement.get("Action", "NotAction")):
                for resource in listed(statement.get("Resource", "NotResource")):
                    yield Permission(str(action), str(resource))
        for arn in self.managed_arns:
            yield Permission(MANAGED, arn)

    def statements(self) -> Iterator[Mapping[str, Any]]:
        """Yield the statements of its policies."""
        for document in self.documents:
            yield from listed(document["Statement"])

    def may(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        """Tell whether its policies allow an action."""
        if action == MANAGED:
            return resource in self.managed_arns
        return identity_policies_admit(self.documents, AccessRequest(self.arn, action, resource, context))

    def place(self, action: str = "") -> str:
        """Return file and line of the role, or of the first line of it that names the action."""
        lines = self.template.read_text().splitlines()
        first = next((number for number, line in enumerate(lines) if line == f"  {self.name}:"), 0)
        body = range(first + 1, next(_ends(lines, first + 1), len(lines)))
        word = re.compile(rf"(?<![\w:]){re.escape(action)}(?![\w])")
        found = next((number for number in body if action and word.search(lines[number])), first)
        return f"{self.template.relative_to(REPOSITORY)}:{found + 1}"


def _ends(lines: list[str], start: int) -> Iterator[int]:
    return (number for number in range(start, len(lines)) if re.match(r" {0,2}[A-Za-z]", lines[number]))


def roles_of(stacks: list[Stack]) -> list[Role]:
    """Return every role that the stacks make."""
    return [
        Role(
            name=name,
            arn=stack.arns[name],
            template=stack.template,
            principals=tuple(_services(properties)),
            documents=tuple(_documents(stacks, stack, name, properties)),
            managed_arns=tuple(arn for arn in properties.get("ManagedPolicyArns", ()) if ":iam::aws:" in arn),
        )
        for stack in stacks
        for name, properties in stack.of_type("AWS::IAM::Role").items()
    ]


def guardrails_of(stacks: list[Stack]) -> list[Role]:
    """Return the guardrails of chat channels, each as the channel's role with nothing but it."""
    return [
        Role(guardrail, channel["IamRoleArn"], stack.template, (), (stack.properties[guardrail]["PolicyDocument"],), ())
        for stack in stacks
        for channel in stack.of_type("AWS::Chatbot::SlackChannelConfiguration").values()
        for guardrail in map(stack.named, channel["GuardrailPolicies"])
        if guardrail
    ]


def _services(properties: Mapping[str, Any]) -> Iterator[str]:
    for statement in listed(properties["AssumeRolePolicyDocument"]["Statement"]):
        if statement["Effect"] == "Allow":
            yield from listed(statement["Principal"].get("Service", []))


def _documents(stacks: list[Stack], stack: Stack, name: str, properties: Mapping[str, Any]) -> Iterator[Document]:
    yield from (policy["PolicyDocument"] for policy in properties.get("Policies", ()))
    own = [one for one in stacks if one.account == stack.account]
    for other in own:
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for policy_name, policy in other.of_type(kind).items():
                attached = policy_name in map(other.named, properties.get("ManagedPolicyArns", ()))
                if stack.refs[name] in policy.get("Roles", ()) or attached:
                    yield policy["PolicyDocument"]


def listed(value: Any) -> list[Any]:
    """Return what policies write as one thing or as a list of them."""
    return value if isinstance(value, list) else [value]

"""What came of a deployment, and what resources are made with meanwhile."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.templates.account import Account
from deploy.local.templates.definitions import (
    AsyncInvocation,
    ChatAction,
    ChatChannel,
    EventSource,
    FunctionDefinition,
)
from deploy.local.templates.errors import TemplateError
from deploy.local.templates.sam import CodeSource


@dataclass(frozen=True)
class Deployment:
    """A deployed stack; `not_emulated` tells, by logical id, why a resource has no effect here."""

    outputs: Mapping[str, str]
    functions: tuple[FunctionDefinition, ...]
    event_sources: tuple[EventSource, ...]
    async_invocations: tuple[AsyncInvocation, ...]
    chat_channels: tuple[ChatChannel, ...]
    physical_ids: Mapping[str, str]
    not_emulated: Mapping[str, str]


@dataclass
class Stack:
    """A stack that is being made: where, with what, and the functions and channels found so far."""

    name: str
    template: Path
    account: Account
    endpoint_url: str
    build_root: Path
    sources: Mapping[str, CodeSource]
    secret_values: Mapping[str, str]
    functions: list[FunctionDefinition] = field(default_factory=list)
    event_sources: list[EventSource] = field(default_factory=list)
    async_invocations: list[AsyncInvocation] = field(default_factory=list)
    chat_actions: dict[str, ChatAction] = field(default_factory=dict)
    chat_channels: list[ChatChannel] = field(default_factory=list)
    layers: dict[str, Path] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the stack's account."""
        return self.account.client(service, self.endpoint_url)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{self.account.region}:{self.account.account_id}:{resource}"


@dataclass(frozen=True)
class Declaration:
    """One resource as the template declares it, every function in it resolved."""

    logical_id: str
    properties: Mapping[str, Any]
    stack: Stack

    def name(self, member: str) -> str:
        """Return the name the template gives, or one made of the stack's, the same at every deployment."""
        given = self.properties.get(member)
        return str(given) if given else self.made_name()

    def made_name(self) -> str:
        """Return a name of the form CloudFormation makes."""
        stack = self.stack
        identity = f"{stack.account.account_id}/{stack.account.region}/{stack.name}/{self.logical_id}"
        return f"{stack.name}-{self.logical_id}-{hashlib.sha256(identity.encode()).hexdigest()[:12].upper()}"

    def pick(self, *members: str) -> dict[str, Any]:
        """Return those of the properties that the template sets."""
        return {member: self.properties[member] for member in members if member in self.properties}

    def error(self, problem: str, *place: str) -> TemplateError:
        """Return the error that names this resource."""
        return TemplateError(self.stack.template, (self.logical_id, *place), problem)

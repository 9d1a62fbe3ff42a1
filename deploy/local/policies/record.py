"""The record of calls, as deploy/local/aws/calls.py writes it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Secrets Manager ends a secret's ARN with six characters of its own; templates that are only read end so.
_SECRET = re.compile(r"(arn:aws:secretsmanager:[^:]+:\d+:secret:.+)-[A-Za-z0-9]{6}")


@dataclass(frozen=True)
class Call:
    """A role's call, or what a service did as the role; `action` is empty where nobody has said what IAM asks."""

    role_arn: str
    service: str
    operation: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False)
    names: tuple[str, ...] = ()

    @property
    def is_assumption(self) -> bool:
        """Whether a service took on the role, which its trust policy allows, not its own."""
        return self.action == "sts:AssumeRole" and self.resource == self.role_arn


def read_record(path: Path) -> list[Call]:
    """Return the calls of a record, each once. Raises FileNotFoundError if there is none."""
    lines = dict.fromkeys(path.read_text().splitlines())
    return [_call(json.loads(line)) for line in lines]


def _call(line: Mapping[str, object]) -> Call:
    names = line["names"]
    context = line["context"]
    return Call(
        role_arn=str(line["role"]),
        service=str(line["service"]),
        operation=str(line["operation"]),
        action=str(line["action"]),
        resource=_SECRET.sub(r"\1-AbCdEf", str(line["resource"])),
        context=context if isinstance(context, dict) else {},
        names=tuple(map(str, names)) if isinstance(names, list) else (),
    )

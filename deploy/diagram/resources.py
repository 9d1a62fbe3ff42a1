"""The resources of an account, as its template declares them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# How each type is drawn; what is not here is not drawn.
SHAPES: Final = {
    "AWS::Events::EventBus": "{{{{{}}}}}",
    "AWS::Events::Rule": "[/{}/]",
    "AWS::Scheduler::Schedule": "(({}))",
    "AWS::SQS::Queue": "([{}])",
    "AWS::Serverless::Function": "[[{}]]",
    "AWS::S3::Bucket": "[({})]",
    "AWS::SNS::Topic": ">{}]",
    "AWS::Chatbot::SlackChannelConfiguration": "[{}]",
    "AWS::IAM::Role": "[{}]",
}

_NAMED: Final = re.compile(r"\$\{(\w+)[.}]")

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Account:
    """The resources of an account's template by their logical ids, and how ids are written in the diagram."""

    key: str
    resources: Mapping[str, Properties]

    def of_type(self, kind: str) -> dict[str, Properties]:
        """Return the properties of each resource of a type that is drawn."""
        found = {name: one.get("Properties", {}) for name, one in self.resources.items() if one["Type"] == kind}
        return {name: one for name, one in found.items() if not name.endswith("DeadLetterQueue")}

    def node(self, name: str) -> str:
        """Return what a resource is called in the diagram; ids of two accounts may be the same."""
        return f"{self.key}_{name}"

    def named(self, value: Any) -> str | None:
        """Return the logical id that an intrinsic function stands for, or None."""
        texts = [str(one) for one in _parts(value)]
        names = [found for text in texts for found in (text.partition(".")[0], *_NAMED.findall(text))]
        return next((found for name in names if (found := self._buckets.get(name, name)) in self.resources), None)

    @property
    def _buckets(self) -> dict[str, str]:
        """Return the buckets by the parameters that name them: rights are written before a bucket is there."""
        buckets = {name: one.get("BucketName") for name, one in self.of_type("AWS::S3::Bucket").items()}
        return {str(one["Ref"]): name for name, one in buckets.items() if isinstance(one, Mapping) and "Ref" in one}


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from (part for one in value.values() for part in _parts(one))
    elif isinstance(value, list):
        yield from (part for one in value for part in _parts(one))
    else:
        yield value


def computed_text(value: Any) -> str:
    """Return a computed name or ARN with its parameters open, or nothing for what is not computed from them."""
    if isinstance(value, Mapping) and "Ref" in value:
        return f"${{{value['Ref']}}}"
    return str(value["Fn::Sub"]) if isinstance(value, Mapping) and "Fn::Sub" in value else ""


def listed(value: Any) -> list[Any]:
    """Return a list of what a policy may write alone."""
    return list(value) if isinstance(value, list | tuple) else [value]

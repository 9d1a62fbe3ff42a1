"""The resources of an account, as its stacks' templates declare them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# How each type is drawn; what is not here is not drawn.
SHAPES: Final = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "[{}]",
    "AWS::AutoScaling::AutoScalingGroup": "[[{}]]",
    "AWS::ElastiCache::ReplicationGroup": "[({})]",
    "AWS::RDS::DBProxy": "[{}]",
    "AWS::RDS::DBInstance": "[({})]",
    "AWS::Events::EventBus": "{{{{{}}}}}",
    "AWS::Events::Rule": "[/{}/]",
    "AWS::Scheduler::Schedule": "(({}))",
    "AWS::SQS::Queue": "([{}])",
    "AWS::Serverless::Function": "[[{}]]",
    "AWS::RedshiftServerless::Workgroup": "[({})]",
    "AWS::S3::Bucket": "[({})]",
    "AWS::SNS::Topic": ">{}]",
    "AWS::Chatbot::SlackChannelConfiguration": "[{}]",
}
# What a reader knows better by another name than its logical id.
WORDS: Final = {
    "AWS::AutoScaling::AutoScalingGroup": "MyApp's hosts",
    "AWS::ElastiCache::ReplicationGroup": "Redis",
    "AWS::RDS::DBProxy": "RDS Proxy",
    "AWS::RDS::DBInstance": "MySQL",
    "AWS::RedshiftServerless::Workgroup": "Redshift",
}

_NAMED: Final = re.compile(r"\$\{(\w+)[.}]")

Properties = Mapping[str, Any]
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Account:
    """The resources of an account's stacks by their logical ids, and how ids are written in the diagram.

    `aliases` are the other names of resources: parameters that take an output of another stack, and computed names.
    """

    key: str
    resources: Mapping[str, Properties]
    aliases: Mapping[str, str]

    @classmethod
    def of(cls, key: str, documents: Iterable[Document]) -> "Account":
        """Return the account that has these templates' stacks. Parameters are named like the outputs they take.

        Raises ValueError if two of them call something that is drawn the same."""
        resources: dict[str, Properties] = {}
        aliases: dict[str, str] = {}
        for document in documents:
            own = cls(key, document["Resources"], _computed(document["Resources"]))
            if doubled := {name for name, one in own.resources.items() if one["Type"] in SHAPES} & resources.keys():
                raise ValueError(f"Two templates of {key} name a resource {', '.join(sorted(doubled))}: rename one.")
            given = {name: own.named(one["Value"]) for name, one in document.get("Outputs", {}).items()}
            resources |= own.resources
            aliases |= {**own.aliases, **{name: found for name, found in given.items() if found}}
        return cls(key, resources, aliases)

    def of_type(self, kind: str) -> dict[str, Properties]:
        """Return the properties of each resource of a type; of dead-letter queues none."""
        found = {name: one.get("Properties", {}) for name, one in self.resources.items() if one["Type"] == kind}
        return {name: one for name, one in found.items() if not name.endswith("DeadLetterQueue")}

    def is_drawn(self, name: str) -> bool:
        """Tell whether a resource is one of those that the diagram shows."""
        return self.resources[name]["Type"] in SHAPES and not name.endswith("DeadLetterQueue")

    def node(self, name: str) -> str:
        """Return what a resource is called in the diagram; ids of two accounts may be the same."""
        return f"{self.key}_{name}"

    def named(self, value: Any) -> str | None:
        """Return the first logical id that an intrinsic function stands for, or None."""
        return next(self.all_named(value), None)

    def all_named(self, value: Any) -> Iterator[str]:
        """Yield each logical id that intrinsic functions in a value stand for, some more than once."""
        for text in map(str, parts(value)):
            for name in (text.partition(".")[0], *_NAMED.findall(text), text.rpartition(":")[2]):
                found = name if name in self.resources else self.aliases.get(name)
                if found in self.resources:
                    yield str(found)


def _computed(resources: Mapping[str, Properties]) -> dict[str, str]:
    """Return buckets by the parameters that name them, functions by their computed names.

    Rights are written so, where the resource itself can't be named yet."""
    names: dict[str, str] = {}
    for logical_id, one in resources.items():
        if one["Type"] == "AWS::S3::Bucket":
            names[computed_text(one["Properties"].get("BucketName")).strip("${}")] = logical_id
        elif one["Type"] == "AWS::Serverless::Function":
            names[computed_text(one["Properties"].get("FunctionName"))] = logical_id
    return names


def parts(value: Any) -> Iterator[Any]:
    """Yield what is at the ends of nested mappings and lists."""
    if isinstance(value, Mapping):
        yield from (part for one in value.values() for part in parts(one))
    elif isinstance(value, list):
        yield from (part for one in value for part in parts(one))
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

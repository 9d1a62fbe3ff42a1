"""A template as the deployed stack would be: every function resolved, nothing made."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.local.templates.account import Account
from deploy.local.templates.dependencies import existing_resources
from deploy.local.templates.intrinsics import Created, Resolver
from deploy.local.templates.sam import Template

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    """One stack: the properties of its resources by logical id, and what each is called in AWS."""

    template: Path
    account: Account
    parameters: Mapping[str, Any] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Properties] = field(default_factory=dict)
    arns: dict[str, str] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    needs: dict[str, frozenset[str]] = field(default_factory=dict)  # what each resource waits for (DependsOn)

    def of_type(self, kind: str) -> dict[str, Properties]:
        """Return the properties of every resource of a type, by logical id."""
        return {name: self.properties[name] for name, one in self.types.items() if one == kind}

    def named(self, arn_or_ref: Any) -> str | None:
        """Return the logical id of what an ARN, a URL or a name stands for; None if it is not of this stack."""
        return self._names.get(str(arn_or_ref))

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        return {text: name for texts in (self.refs, self.arns) for name, text in texts.items()}


def resolved(template: Template, account: Account, kinds: Collection[str] = ()) -> Stack:
    """Return the stack that a template makes; with `kinds`, only resources of these types have their properties.

    Raises TemplateError for what CloudFormation would not take.
    """
    place = f"{account.region}:{account.account_id}"
    pseudo = {
        "AccountId": account.account_id,
        "Region": account.region,
        "Partition": "aws",
        "StackName": "myapp",
        "StackId": f"arn:aws:cloudformation:{place}:stack/myapp/local",
    }
    values = {**template.parameters, **{f"AWS::{name}": value for name, value in pseudo.items()}}
    resolver = Resolver(template.path, values, template.mappings, template.conditions)
    stack = Stack(template.path, account, template.parameters)
    for name, resource in existing_resources(template, resolver).items():
        is_read = not kinds or resource["Type"] in kinds
        properties = resolver.resolve(resource.get("Properties", {}), (name,)) if is_read else {}
        created = _created(resource["Type"], name, properties, account)
        resolver.created[name] = created
        stack.types[name], stack.properties[name] = resource["Type"], properties
        stack.refs[name], stack.arns[name] = created.ref, created.attributes["Arn"]
        declared = resource.get("DependsOn", [])
        stack.needs[name] = frozenset([declared] if isinstance(declared, str) else declared)
    if not kinds:
        resolver.resolve({name: one["Value"] for name, one in template.outputs.items()}, ("Outputs",))
    return stack


# The property that names a resource, and its ARN; what `Ref` gives is the name unless `_REFS` says otherwise.
_IDENTITIES: Final = {
    "AWS::Events::EventBus": ("Name", "events:{place}:event-bus/{name}"),
    "AWS::Events::Rule": ("Name", "events:{place}:rule/{bus}{name}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{place}:{name}"),
    "AWS::IAM::Role": ("RoleName", "iam::{account}:role/{name}"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{place}:{name}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{place}:table/{name}"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "iam::{account}:policy/{name}"),
    "AWS::KMS::Key": ("", "kms:{place}:key/{name}"),
    "AWS::Chatbot::CustomAction": ("ActionName", "chatbot::{account}:custom-action/{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{place}:log-group:{name}:*"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:{place}:alarm:{name}"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:{place}:secret:{name}-AbCdEf"),
    "AWS::Scheduler::Schedule": ("Name", "scheduler:{place}:schedule/default/{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{place}:function:{name}"),
    "AWS::Lambda::LayerVersion": ("LayerName", "lambda:{place}:layer:{name}:1"),
}
_REFS: Final = {
    "AWS::SQS::Queue": "https://sqs.{region}.amazonaws.com/{account}/{name}",
    "AWS::SNS::Topic": "{arn}",
    "AWS::IAM::ManagedPolicy": "{arn}",
    "AWS::Chatbot::CustomAction": "{arn}",
    "AWS::SecretsManager::Secret": "{arn}",
    "AWS::Lambda::LayerVersion": "{arn}",
}


def _created(kind: str, logical_id: str, properties: Properties, account: Account) -> Created:
    name_member, arn_pattern = _IDENTITIES.get(kind, ("", "cloudformation:{place}:resource/{name}"))
    bus = properties.get("EventBusName", "default")
    known = {
        "name": properties.get(name_member, logical_id),
        "bus": "" if bus == "default" else f"{bus}/",
        "region": account.region,
        "account": account.account_id,
        "place": f"{account.region}:{account.account_id}",
    }
    arn = "arn:aws:" + arn_pattern.format(**known)
    ref = _REFS.get(kind, "{name}").format(**known, arn=arn)
    return Created(ref, {"Arn": arn, "Name": known["name"], "QueueName": known["name"], "QueueUrl": ref})

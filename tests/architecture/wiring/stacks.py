"""Both templates as two deployed stacks would be: every function resolved, nothing made.

Templates are expanded by SAM once; elements are taken out of copies, which then resolve in milliseconds.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.local.accounts import (
    APP,
    APP_TEMPLATE,
    ERROR_BUCKET,
    INTERMEDIATE_BUCKET,
    SLACK,
    UNLOAD_BUCKET,
    WAREHOUSE,
    WAREHOUSE_TEMPLATE,
    WORKGROUP_ARN,
)
from deploy.local.templates.account import Account
from deploy.local.templates.dependencies import existing_resources
from deploy.local.templates.intrinsics import Created, Resolver
from deploy.local.templates.sam import Template, load_template

Properties = Mapping[str, Any]

BUDGET_EMAIL: Final = "budget@example.com"
NAMESPACE: Final = "myapp"  # of all metrics: the NamePrefix
APP_URL: Final = "https://myapp.example.com"
ACCOUNTS: Final = {"app": APP, "warehouse": WAREHOUSE}


@dataclass(frozen=True)
class Stack:
    """One stack: the properties of its resources by logical id, and what each is called in AWS."""

    account: Account
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


@functools.cache
def shipped_templates() -> dict[str, Template]:
    """Return the templates as they ship, expanded, with parameters as the local stack gives them."""
    app_parameters = {
        "WarehouseAccountId": WAREHOUSE.account_id,
        "WarehouseRegion": WAREHOUSE.region,
        "UnloadBucketName": UNLOAD_BUCKET,
        "DatabaseHost": "proxy.example",
        "BudgetEmail": BUDGET_EMAIL,
    }
    return {"app": load_template(APP_TEMPLATE, app_parameters, APP.region), "warehouse": warehouse_template()}


def warehouse_template(**changes: str) -> Template:
    """Return Account 2's template; `changes` are to the parameters."""
    parameters = {
        "AppAccountId": APP.account_id,
        "AppRegion": APP.region,
        "UnloadBucketName": UNLOAD_BUCKET,
        "WorkgroupArn": WORKGROUP_ARN,
        "WarehouseHost": "warehouse.example",
        "IntermediateBucketName": INTERMEDIATE_BUCKET,
        "ErrorBucketName": ERROR_BUCKET,
        "AppUrl": APP_URL,
        "BudgetEmail": BUDGET_EMAIL,
        **SLACK,
        **changes,
    }
    return load_template(WAREHOUSE_TEMPLATE, parameters, WAREHOUSE.region)


def resolved(template: Template, account: Account) -> Stack:
    """Return the stack that a template makes. Raises TemplateError for what CloudFormation would not take."""
    pseudo = {"AccountId": account.account_id, "Region": account.region, "Partition": "aws", "StackName": "myapp"}
    values = {**template.parameters, **{f"AWS::{name}": value for name, value in pseudo.items()}}
    resolver = Resolver(template.path, values, template.mappings, template.conditions)
    stack = Stack(account)
    for name, resource in existing_resources(template, resolver).items():
        properties = resolver.resolve(resource.get("Properties", {}), (name,))
        created = _created(resource["Type"], name, properties, account)
        resolver.created[name] = created
        stack.types[name], stack.properties[name] = resource["Type"], properties
        stack.refs[name], stack.arns[name] = created.ref, created.attributes["Arn"]
        declared = resource.get("DependsOn", [])
        stack.needs[name] = frozenset([declared] if isinstance(declared, str) else declared)
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
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{place}:log-group:{name}"),
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

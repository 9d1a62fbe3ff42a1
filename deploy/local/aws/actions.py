"""From an API call to what IAM asks of who makes it: the action, the resource, the values of condition keys.

One row an operation; the names are those of the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.local.aws.service import Caller

# A statement's owner is the session that asks: the local Data API finds no other's. It is the policies' own variable.
OWN_STATEMENTS: Final = {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}


@dataclass(frozen=True)
class Access:
    """One question to IAM; `names` are the ARNs of what the call uses besides its resource."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()


class UnknownOperationError(Exception):
    """Nobody has said what IAM asks for an operation; the message names it."""


Members = Mapping[str, Any]
Row = Callable[[Members, Caller], Iterator[Access]]


def accesses(scope: str, operation: str, members: Members, caller: Caller) -> list[Access]:
    """Return what IAM asks for a call; nothing for one that needs no permission.

    Raises UnknownOperationError for an operation that has no row here.
    """
    row = _ROWS.get((scope, operation))
    if row is None:
        raise UnknownOperationError(f"{scope}:{operation or 'an operation that botocore does not know'}")
    return list(row(members, caller))


def _arn(service: str, caller: Caller, resource: str) -> str:
    return f"arn:aws:{service}:{caller.region}:{caller.account_id}:{resource}"


def _on(action: str, resource: Callable[[Members, Caller], str]) -> Row:
    def row(members: Members, caller: Caller) -> Iterator[Access]:
        yield Access(action, resource(members, caller))

    return row


def _on_nothing(action: str, context: Mapping[str, str] | None = None) -> Row:
    def row(_members: Members, _caller: Caller) -> Iterator[Access]:
        yield Access(action, "*", context or {})

    return row


def _named(service: str, kind: str, member: str) -> Callable[[Members, Caller], str]:
    """Return what makes an ARN of the name in a member."""
    return lambda members, caller: _arn(service, caller, f"{kind}{members[member]}")


def _given(member: str) -> Callable[[Members, Caller], str]:
    return lambda members, _caller: str(members[member])


def _queue(members: Members, caller: Caller) -> str:
    account_id, name = urlsplit(members["QueueUrl"]).path.strip("/").split("/")
    return f"arn:aws:sqs:{caller.region}:{account_id}:{name}"


def _put_events(members: Members, caller: Caller) -> Iterator[Access]:
    for bus in {entry.get("EventBusName", "default") for entry in members.get("Entries", ())}:
        yield Access("events:PutEvents", bus if bus.startswith("arn:") else _arn("events", caller, f"event-bus/{bus}"))


def _no_permission(_members: Members, _caller: Caller) -> Iterator[Access]:
    yield from ()


def _put_metric_data(members: Members, _caller: Caller) -> Iterator[Access]:
    yield Access("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": members["Namespace"]})


def _bucket(members: Members, _caller: Caller) -> str:
    return f"arn:aws:s3:::{members['Bucket']}"


def _object(members: Members, _caller: Caller) -> str:
    return f"arn:aws:s3:::{members['Bucket']}/{members['Key']}"


def _read_object(members: Members, caller: Caller) -> Iterator[Access]:
    action = "s3:GetObjectVersion" if "versionId" in members else "s3:GetObject"
    yield Access(action, _object(members, caller))


def _create_flow(members: Members, caller: Caller) -> Iterator[Access]:
    yield Access("appflow:CreateFlow", "*", names=_profiles(members, caller))


def _update_flow(members: Members, caller: Caller) -> Iterator[Access]:
    yield Access("appflow:UpdateFlow", _flow(members, caller), names=_profiles(members, caller))


def _profiles(members: Members, caller: Caller) -> tuple[str, ...]:
    used = (members.get("sourceFlowConfig", {}), *members.get("destinationFlowConfigList", ()))
    names = {str(one["connectorProfileName"]) for one in used if one.get("connectorProfileName")}
    return tuple(_arn("appflow", caller, f"connectorprofile/{name}") for name in sorted(names))


def _statement(action: str) -> Row:
    """A statement runs in a workgroup, or in a cluster, where the caller's password is for one database."""

    def row(members: Members, caller: Caller) -> Iterator[Access]:
        if cluster := members.get("ClusterIdentifier"):
            login = _arn("redshift", caller, f"dbname:{cluster}/{members['Database']}")
            yield Access(action, _arn("redshift", caller, f"cluster:{cluster}"), names=(login,))
        else:
            yield Access(action, _arn("redshift-serverless", caller, f"workgroup/{members['WorkgroupName']}"))

    return row


def _cluster_login(members: Members, caller: Caller) -> Iterator[Access]:
    if cluster := members.get("ClusterIdentifier"):  # a domain of one's own, for which nobody has a right here
        login = _arn("redshift", caller, f"dbname:{cluster}/{members['DbName']}")
        yield Access("redshift:GetClusterCredentialsWithIAM", login)


_flow: Final = _named("appflow", "flow/", "flowName")
_profile: Final = _named("appflow", "connectorprofile/", "connectorProfileName")
_workgroup: Final = _named("redshift-serverless", "workgroup/", "workgroupName")
_table: Final = _named("dynamodb", "table/", "TableName")

_ROWS: Final[Mapping[tuple[str, str], Row]] = {
    ("appflow", "CreateFlow"): _create_flow,
    ("appflow", "UpdateFlow"): _update_flow,
    **{
        ("appflow", name): _on(f"appflow:{name}", _flow)
        for name in ("StartFlow", "StopFlow", "DeleteFlow", "DescribeFlow", "DescribeFlowExecutionRecords")
    },
    **{("appflow", name): _on(f"appflow:{name}", _given("resourceArn")) for name in ("TagResource", "UntagResource")},
    **{
        ("appflow", name): _on(f"appflow:{name}", _profile)
        for name in ("ListConnectorEntities", "DescribeConnectorEntity")
    },
    ("appflow", "ListFlows"): _on_nothing("appflow:ListFlows"),
    ("dynamodb", "GetItem"): _on("dynamodb:GetItem", _table),
    ("dynamodb", "PutItem"): _on("dynamodb:PutItem", _table),
    ("dynamodb", "UpdateItem"): _on("dynamodb:UpdateItem", _table),
    ("dynamodb", "DeleteItem"): _on("dynamodb:DeleteItem", _table),
    ("events", "PutEvents"): _put_events,
    ("monitoring", "PutMetricData"): _put_metric_data,
    **{
        ("redshift-data", name): _statement(f"redshift-data:{name}")
        for name in ("ExecuteStatement", "BatchExecuteStatement")
    },
    **{
        ("redshift-data", name): _on_nothing(f"redshift-data:{name}", OWN_STATEMENTS)
        for name in ("DescribeStatement", "GetStatementResult", "CancelStatement")
    },
    ("redshift", "GetClusterCredentialsWithIAM"): _cluster_login,
    ("redshift", "DescribeCustomDomainAssociations"): _no_permission,  # refused: the driver does without, as in AWS
    ("redshift-serverless", "GetCredentials"): _on("redshift-serverless:GetCredentials", _workgroup),
    ("redshift-serverless", "GetWorkgroup"): _on("redshift-serverless:GetWorkgroup", _workgroup),
    ("s3", "GetObject"): _read_object,
    ("s3", "HeadObject"): _read_object,
    **{
        ("s3", name): _on("s3:PutObject", _object)
        for name in ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
    },
    ("s3", "AbortMultipartUpload"): _on("s3:AbortMultipartUpload", _object),
    **{("s3", name): _on("s3:ListBucket", _bucket) for name in ("ListObjects", "ListObjectsV2", "HeadBucket")},
    ("s3", "GetBucketLocation"): _on("s3:GetBucketLocation", _bucket),
    ("secretsmanager", "GetSecretValue"): _on("secretsmanager:GetSecretValue", _given("SecretId")),
    ("sns", "Publish"): _on("sns:Publish", _given("TopicArn")),
    **{
        ("sqs", f"{name}{batch}"): _on(f"sqs:{name}", _queue)
        for name in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
        for batch in ("", "Batch")
    },
    ("sqs", "ReceiveMessage"): _on("sqs:ReceiveMessage", _queue),
    ("sqs", "GetQueueAttributes"): _on("sqs:GetQueueAttributes", _queue),
    ("sqs", "GetQueueUrl"): _on("sqs:GetQueueUrl", _named("sqs", "", "QueueName")),
    ("sts", "AssumeRole"): _on("sts:AssumeRole", _given("RoleArn")),
    ("sts", "GetCallerIdentity"): _no_permission,
}

"""The one table from a call to the permissions that it needs and that no call shows.

A call is one of the record, by its action; or something that a service does because a template says so, in words.
A row's resource is `same` (that of the call), `names` (what else the call uses), `bucket` (that of its object), `key`
(that its topic is encrypted with), or a text in which the names of the role's own resources stand for their ARNs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deploy.local.accounts import WORKGROUP_ARN
from deploy.local.aws.actions import OWN_STATEMENTS
from deploy.local.policies.record import Call
from deploy.local.policies.roles import MANAGED, Role
from deploy.local.templates.resolved import Stack


@dataclass(frozen=True)
class Row:
    """What a call implies; with `role`, only if that role makes it; with `of`, only on a resource of that service."""

    call: str
    actions: tuple[str, ...]
    resource: str = "same"
    role: str = ""
    context: Mapping[str, str] | None = None
    of: str = ""

    def is_of(self, resource: str) -> bool:
        """Tell whether the row is for calls on this resource."""
        return not self.of or resource.startswith(f"arn:aws:{self.of}:")


_LOGS: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_ENI: Final = tuple(
    f"ec2:{action}"
    for action in (
        "CreateNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "DeleteNetworkInterface",
        "AssignPrivateIpAddresses",
        "UnassignPrivateIpAddresses",
    )
)
_BUILD_ENI: Final = tuple(
    f"ec2:{action}"
    for action in (
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeDhcpOptions",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcs",
    )
)

TABLE: Final = (
    # Calls of the record.
    # https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_ExecuteStatement.html
    Row("redshift-data:ExecuteStatement", ("redshift-serverless:GetCredentials",), of="redshift-serverless"),
    Row("redshift-data:BatchExecuteStatement", ("redshift-serverless:GetCredentials",), of="redshift-serverless"),
    Row("redshift-data:ExecuteStatement", ("redshift:GetClusterCredentialsWithIAM",), "names", of="redshift"),
    Row("redshift-data:BatchExecuteStatement", ("redshift:GetClusterCredentialsWithIAM",), "names", of="redshift"),
    Row("appflow:CreateFlow", ("appflow:UseConnectorProfile",), "names"),
    Row("appflow:UpdateFlow", ("appflow:UseConnectorProfile",), "names"),
    Row("sns:Publish", ("kms:Decrypt", "kms:GenerateDataKey"), "key"),
    # A missing object is told from a forbidden one: without it both are 403.
    Row("s3:GetObject", ("s3:ListBucket",), "bucket", "UpsertFunctionRole"),
    # Redshift uploads large files in parts, and takes back what it could not finish.
    Row("s3:PutObject", ("s3:AbortMultipartUpload",), "same", "UnloadRole"),
    # What the templates have services do.
    Row("a function runs", _LOGS),  # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    Row("a function is traced", ("xray:PutTraceSegments", "xray:PutTelemetryRecords")),
    Row("a function is in a network", _ENI),  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    Row("a function logs in to MySQL with an IAM token", ("rds-db:connect",)),
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    Row("a queue feeds a function", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")),
    Row("a function's failed events go to a queue", ("sqs:SendMessage",)),
    Row("a schedule's failed messages go to a queue", ("sqs:SendMessage",)),
    # https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html
    Row("a build runs", _LOGS),
    Row("a build is given a secret", ("secretsmanager:GetSecretValue",)),
    Row("a build is in a network", _BUILD_ENI, "*"),
    Row(
        "a build is in a network",
        ("ec2:CreateNetworkInterfacePermission",),
        context={"ec2:AuthorizedService": "codebuild.amazonaws.com"},
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    Row(
        "a deployment lends CloudFormation a role",
        ("iam:PassRole",),
        context={"iam:PassedToService": "cloudformation.amazonaws.com"},
    ),
    Row("CloudFormation gives a role to a service", ("iam:PassRole",)),
    # https://docs.aws.amazon.com/appflow/latest/userguide/redshift.html
    Row(
        "appflow.amazonaws.com takes the role on",
        ("redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"),
        "{Workgroup}",
        "AppFlowIngestRole",
    ),
    Row(
        "appflow.amazonaws.com takes the role on",
        ("redshift-data:DescribeStatement", "redshift-data:GetStatementResult"),
        "*",
        "AppFlowIngestRole",
        OWN_STATEMENTS,
    ),
    Row("redshift.amazonaws.com takes the role on", ("s3:GetObject",), "{IntermediateBucket}/rows", "AppFlowCopyRole"),
    Row("redshift.amazonaws.com takes the role on", ("s3:ListBucket",), "{IntermediateBucket}", "AppFlowCopyRole"),
    Row(
        "vpc-flow-logs.amazonaws.com takes the role on",
        (*_LOGS, "logs:DescribeLogStreams"),
        "{FlowLogGroup}log-stream:flow",
        "FlowLogRole",
    ),
    Row("rds.amazonaws.com takes the role on", ("secretsmanager:GetSecretValue",), "{AppDatabaseSecret}", "ProxyRole"),
    Row(
        "rds.amazonaws.com takes the role on", ("secretsmanager:GetSecretValue",), "{LoaderDatabaseSecret}", "ProxyRole"
    ),
    Row(
        "monitoring.rds.amazonaws.com takes the role on",
        (MANAGED,),
        "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
        "MonitoringRole",
    ),
    # A host: its user data, and Amazon's two agents. tests/deploy/host/test_boot.py boots one.
    Row("a host starts", ("s3:GetObject",), "arn:aws:s3:::{ArtifactBucketName}/releases/myapp.tar.gz"),
    Row("a host starts", ("s3:GetObject",), "arn:aws:s3:::{ArtifactBucketName}/agents/agent.deb"),
    Row("a host starts", ("secretsmanager:GetSecretValue",), "{SecretKey}"),
    Row("a host starts", ("secretsmanager:GetSecretValue",), "{RedisSecretArn}"),
    Row("a host starts", ("cloudformation:SignalResource",), "{StackId}"),
    Row(
        "a host starts",
        ("rds-db:connect",),
        "arn:aws:rds-db:{Region}:{AccountId}:dbuser:{DatabaseProxyResourceId}/{AppDatabaseUser}",
    ),
    Row("a host starts", (*_LOGS, "logs:DescribeLogStreams"), "{HostLogs}log-stream:app"),
    Row("a host starts", ("cloudwatch:PutMetricData",), "*", "", {"cloudwatch:namespace": "myapp/hosts"}),
    Row("a host starts", ("ec2:DescribeTags",), "*"),
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    Row(
        "a host starts",
        (
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ),
        "*",
    ),
)


def implied_by(calls: list[Call], roles: list[Role], stacks: list[Stack]) -> list[Call]:
    """Return what the calls need besides themselves. Raises KeyError for a row that names what no template has."""
    by_arn = {role.arn: role for role in roles}
    rows: dict[str, list[Row]] = {}
    for row in TABLE:
        rows.setdefault(row.call, []).append(row)
    return [
        Call(call.role_arn, call.service, f"implied by {call.action}", action, resource, row.context or call.context)
        for call in calls
        for row in rows.get(call.action, ())
        if (role := by_arn.get(call.role_arn)) and row.role in ("", role.name) and row.is_of(call.resource)
        for resource in _resources(row, call, stacks)
        for action in row.actions
    ]


def _resources(row: Row, call: Call, stacks: list[Stack]) -> Iterator[str]:
    match row.resource:
        case "same":
            yield call.resource
        case "names":
            yield from call.names
        case "bucket":
            yield call.resource.partition("/")[0]
        case "key":
            yield from _keys(call.resource, stacks)
        case text:
            yield text.format_map(_words(call, stacks))


def _keys(topic_arn: str, stacks: list[Stack]) -> Iterator[str]:
    for stack in stacks:
        topic = stack.properties.get(stack.named(topic_arn) or "", {})
        if key := stack.named(topic.get("KmsMasterKeyId")):
            yield stack.arns[key]


def _words(call: Call, stacks: list[Stack]) -> Mapping[str, str]:
    """Return what the names in a row stand for: resources and parameters of the call's account."""
    account_id = call.role_arn.split(":")[4]
    own = [stack for stack in stacks if stack.account.account_id == account_id]
    found: dict[str, str] = {"Workgroup": WORKGROUP_ARN}
    for stack in own:
        arns = {name: arn.removesuffix("*") for name, arn in stack.arns.items()}
        texts = {name: value for name, value in stack.parameters.items() if isinstance(value, str)}
        place = {"Region": stack.account.region, "AccountId": account_id}
        found |= {**texts, **arns, **place}
    found["StackId"] = f"arn:aws:cloudformation:{found['Region']}:{account_id}:stack/myapp/local"
    return found

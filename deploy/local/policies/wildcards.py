"""The one table of the wildcards that a policy may have, each with where it says that nothing narrower will do."""

import re
from dataclasses import dataclass
from typing import Final

_REFERENCE: Final = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_"
_FUNCTION: Final = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"
_BUILD: Final = "https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html"


@dataclass(frozen=True)
class Wildcard:
    """What a policy may write: actions and resources, both as expressions; `source` is a page or a module of ours."""

    actions: str
    resources: str
    source: str

    def admits(self, action: str, resource: str) -> bool:
        """Tell whether an action on a resource, as a policy writes them, is one of the row's."""
        return bool(re.fullmatch(self.actions, action) and re.fullmatch(self.resources, resource))


TABLE: Final = (
    # IAM knows no resource for these.
    Wildcard(r"appflow:(?:CreateFlow|ListFlows)", r"\*", f"{_REFERENCE}amazonappflow.html"),
    Wildcard(r"cloudwatch:PutMetricData", r"\*", f"{_REFERENCE}amazoncloudwatch.html"),
    Wildcard(r"xray:Put(?:TraceSegments|TelemetryRecords)", r"\*", f"{_REFERENCE}awsx-ray.html"),
    Wildcard(r"ssm:UpdateInstanceInformation", r"\*", f"{_REFERENCE}awssystemsmanager.html"),
    Wildcard(r"ssmmessages:\w+", r"\*", f"{_REFERENCE}amazonsessionmanagermessagegatewayservice.html"),
    Wildcard(
        r"redshift-data:(?:DescribeStatement|GetStatementResult|CancelStatement)",
        r"\*",
        f"{_REFERENCE}amazonredshiftdataapi.html",
    ),
    Wildcard(r"ec2:Describe\w+", r"\*", f"{_REFERENCE}amazonec2.html"),
    # Interfaces that Lambda and CodeBuild make for themselves: they ask for them without a resource.
    Wildcard(r"ec2:(?:Create|Delete)NetworkInterface", r"\*", _FUNCTION),
    Wildcard(r"ec2:(?:Una|A)ssignPrivateIpAddresses", r"\*", _FUNCTION),
    Wildcard(r"ec2:CreateNetworkInterfacePermission", r"arn:aws:ec2:[^*]+:network-interface/\*", _BUILD),
    # What has its name only once the line runs.
    Wildcard(r"appflow:\w+", r"arn:aws:appflow:[^*]+:flow/ga4-\*", "dataflows/contracts/naming.py"),
    Wildcard(r"s3:\w+", r"arn:aws:s3:::[^*]+/\*", f"{_REFERENCE}amazons3.html"),
    Wildcard(r"logs:\w+", r"arn:aws:logs:[^*]+:log-group:[^*]+:\*", f"{_REFERENCE}amazoncloudwatchlogs.html"),
)


def may_be_open(action: str, resource: str) -> bool:
    """Tell whether a policy may allow an action on a resource with a wildcard, if anything of the kind was used."""
    return any(row.admits(action, resource) for row in TABLE)

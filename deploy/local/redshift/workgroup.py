"""Which workgroup and which cluster of Redshift the stand-in plays, and who is who in the database."""

from dataclasses import dataclass

from deploy.local.aws.service import Caller


@dataclass(frozen=True)
class Cluster:
    """A provisioned cluster in one account and region."""

    identifier: str
    account_id: str
    region: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:redshift:{self.region}:{self.account_id}:cluster:{self.identifier}"

    @property
    def administrator_secret(self) -> str:
        """The name of the secret in which AWS keeps its administrator's password."""
        return f"redshift!{self.identifier}-administrator"

    def is_named_by(self, identifier: str | None, caller: Caller) -> bool:
        """Tell whether this identifier means this cluster in the account and region of the call."""
        return (caller.account_id, caller.region, identifier) == (self.account_id, self.region, self.identifier)


@dataclass(frozen=True)
class Workgroup:
    """A Redshift Serverless workgroup and its namespace, in one account and region."""

    name: str
    namespace: str
    account_id: str
    region: str

    @property
    def arn(self) -> str:
        """Its ARN; the last part is an id in AWS, here the name."""
        return f"arn:aws:redshift-serverless:{self.region}:{self.account_id}:workgroup/{self.name}"

    @property
    def administrator_secret(self) -> str:
        """The name of the secret in which AWS keeps the administrator's password of its namespace."""
        return f"redshift!{self.namespace}-administrator"

    @property
    def cluster(self) -> Cluster:
        """The cluster by which the stand-in leads to the same database; in AWS, there would be one or the other."""
        return Cluster(f"{self.name}-cluster", self.account_id, self.region)

    def is_named_by(self, name: str | None, caller: Caller) -> bool:
        """Tell whether this name, or ARN, means this workgroup in the account and region of the call."""
        is_here = (caller.account_id, caller.region) == (self.account_id, self.region)
        return is_here and name in (self.name, self.arn)


def database_user(principal_arn: str) -> str:
    """Return the database user Redshift makes for an IAM identity: `IAMR:<role>`, or `IAM:<user>`."""
    resource = principal_arn.split(":", 5)[5]
    kind, *names = resource.split("/")
    if kind == "assumed-role":
        return f"IAMR:{names[0]}"
    if kind == "role":
        return f"IAMR:{names[-1]}"
    return f"IAM:{names[-1] if names else 'RootIdentity'}"

"""Which Redshift Serverless workgroup the stand-in plays, and who is who in its database."""

from dataclasses import dataclass

from deploy.local.aws.service import Caller


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

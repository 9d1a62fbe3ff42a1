"""Where the warehouse is: a database in a serverless workgroup, or in a provisioned cluster."""

from typing import Any, Self, TypedDict

from pydantic import BaseModel, ConfigDict, model_validator


class LoginTarget(TypedDict, total=False):
    """The arguments with which redshift_connector is told whom to ask for temporary credentials."""

    is_serverless: bool
    serverless_work_group: str
    cluster_identifier: str
    group_federation: bool


class WarehouseLocation(BaseModel):
    """A database, and the workgroup or the cluster that it is in; the other one is empty.

    In both, who asks with an IAM role is that role's own database user, `IAMR:<role>`: no user is ever named.
    https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_ExecuteStatement.html
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    workgroup: str = ""
    cluster: str = ""
    database: str

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if bool(self.workgroup) == bool(self.cluster):
            raise ValueError("name the workgroup or the cluster that the warehouse is in: one of them, and only one")
        return self

    def __str__(self) -> str:
        """Return what people call it."""
        return f"the cluster {self.cluster}" if self.cluster else f"the workgroup {self.workgroup}"

    @property
    def statement_target(self) -> dict[str, Any]:
        """The members with which the Data API is told where a statement runs."""
        if self.cluster:
            return {"ClusterIdentifier": self.cluster, "Database": self.database}
        return {"WorkgroupName": self.workgroup, "Database": self.database}

    @property
    def login_target(self) -> LoginTarget:
        """Whom redshift_connector asks for credentials: a cluster by GetClusterCredentialsWithIAM."""
        if self.cluster:
            return {"cluster_identifier": self.cluster, "group_federation": True}
        return {"is_serverless": True, "serverless_work_group": self.workgroup}

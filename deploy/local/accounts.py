"""The two emulated accounts, and what stands in for what a person sets up once in each."""

from collections.abc import Mapping
from typing import Final

from deploy.account2_warehouse.bootstrap import bootstrap_statements, left_to_do
from deploy.account2_warehouse.connector_profiles import GOOGLE_PROFILE, apply_profile, google_profile, redshift_profile
from deploy.account2_warehouse.environment import Warehouse as DeployedWarehouse
from deploy.local.redshift.provision import Warehouse
from deploy.local.state import REPOSITORY
from deploy.local.templates.account import Account

APP: Final = Account("111111111111", "ap-southeast-1")
WAREHOUSE: Final = Account("222222222222", "us-east-1")
# In AWS its last part is an id; the stand-in's is the name.
WORKGROUP_ARN: Final = f"arn:aws:redshift-serverless:{WAREHOUSE.region}:{WAREHOUSE.account_id}:workgroup/myapp"
# Parameters of the template: the warehouse is in a workgroup, or it is in a cluster.
IN_WORKGROUP: Final = {"WorkgroupName": "myapp", "WorkgroupArn": WORKGROUP_ARN, "ClusterIdentifier": ""}
IN_CLUSTER: Final = {"WorkgroupName": "", "WorkgroupArn": "", "ClusterIdentifier": "myapp-cluster"}

APP_TEMPLATE: Final = REPOSITORY / "deploy" / "account1_app" / "template.yaml"
WAREHOUSE_TEMPLATE: Final = REPOSITORY / "deploy" / "account2_warehouse" / "template.yaml"

GA4_PROFILE: Final = GOOGLE_PROFILE
REFRESH_TOKEN: Final = "local-refresh-token"  # noqa: S105 - known to the emulated Google alone
_OAUTH: Final = {"client_id": "local-client", "client_secret": "local-secret", "refresh_token": REFRESH_TOKEN}

UNLOAD_BUCKET: Final = "myapp-unloads"
INTERMEDIATE_BUCKET: Final = "myapp-appflow-intermediate"
ERROR_BUCKET: Final = "myapp-appflow-errors"

# Of nobody: with them the templates make a channel, which chatbot/ shows.
SLACK: Final = {"SlackWorkspaceId": "T0LOCAL", "SlackChannelId": "C0LOCAL"}


def bootstrap_warehouse(warehouse: Warehouse, outputs: Mapping[str, str]) -> None:
    """Run `bootstrap.sql` as the warehouse's administrator; users who are there stay."""
    with warehouse.postgres.connect(warehouse.database) as connection:
        users = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    warehouse.run_as_admin(left_to_do(bootstrap_statements(outputs, warehouse.database), users))


def create_connector_profiles(endpoint_url: str, outputs: Mapping[str, str]) -> None:
    """Connect AppFlow with Google and with the warehouse, as `make -C deploy connector-profiles` does."""
    appflow = WAREHOUSE.client("appflow", endpoint_url)
    account = DeployedWarehouse(lambda _service: appflow, {**outputs, **IN_WORKGROUP, "DatabaseName": "ga4"})
    for profile in (google_profile(_OAUTH), redshift_profile(account)):
        apply_profile(appflow, profile)

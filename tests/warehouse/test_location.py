"""Where the warehouse is: one place, and how each client is led there."""

import pytest
from pydantic import ValidationError

from warehouse.config import StatusConfig
from warehouse.location import WarehouseLocation

SETTINGS = {"warehouse_bus_name": "myapp-warehouse", "database_name": "ga4"}


def test_a_workgroup_is_named_to_the_data_api_and_to_the_driver() -> None:
    location = WarehouseLocation(workgroup="myapp", database="ga4")

    assert location.statement_target == {"WorkgroupName": "myapp", "Database": "ga4"}
    assert location.login_target == {"is_serverless": True, "serverless_work_group": "myapp"}
    assert str(location) == "the workgroup myapp"


def test_a_cluster_is_named_without_a_database_user() -> None:
    location = WarehouseLocation(cluster="analytics", database="ga4")

    assert location.statement_target == {"ClusterIdentifier": "analytics", "Database": "ga4"}
    assert location.login_target == {"cluster_identifier": "analytics", "group_federation": True}
    assert str(location) == "the cluster analytics"


@pytest.mark.parametrize(("workgroup", "cluster"), [("", ""), ("myapp", "analytics")])
def test_settings_that_name_not_one_place_are_refused(workgroup: str, cluster: str) -> None:
    with pytest.raises(ValidationError, match="one of them, and only one"):
        StatusConfig(**SETTINGS, workgroup_name=workgroup, cluster_identifier=cluster)


def test_settings_lead_to_the_place_they_name() -> None:
    config = StatusConfig(**SETTINGS, workgroup_name="", cluster_identifier="analytics")

    assert config.warehouse == WarehouseLocation(cluster="analytics", database="ga4")

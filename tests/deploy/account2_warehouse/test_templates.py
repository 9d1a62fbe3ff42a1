"""Account 2's stacks fit together, and nobody but the register function reaches the warehouse's endpoint."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from deploy.local.accounts import WAREHOUSE
from deploy.local.templates.errors import TemplateError
from deploy.local.templates.rules import check_rules
from deploy.stacks.declared import declared_stacks
from deploy.stacks.environments import AccountSettings, Environment
from deploy.stacks.values import Source, deployment_order, parameter_sources
from tests.architecture.wiring.policies import role_may
from tests.architecture.wiring.stacks import resolved, warehouse_template

STACKS: Final = {stack.name: stack for stack in declared_stacks() if stack.group == "account2"}
NETWORK, REDSHIFT = STACKS["warehouse-network"], STACKS["warehouse-redshift"]
IN_VPC: Final = {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
INTERFACE: Final = "ec2:CreateNetworkInterface"


def resources(stack: Any, kind: str) -> dict[str, Mapping[str, Any]]:
    found = stack.document["Resources"]
    return {name: one.get("Properties", {}) for name, one in found.items() if one["Type"] == kind}


@pytest.fixture
def environment() -> Environment:
    account = AccountSettings("222222222222", "us-east-1")
    return Environment("try", "try", {"app": account, "warehouse": account}, {"NamePrefix": "try"}, {})


@pytest.mark.parametrize(
    ("stack", "giver", "names"),
    [
        ("warehouse-redshift", "warehouse-network", ["SubnetIds", "WarehouseSecurityGroupId"]),
        ("warehouse", "warehouse-network", ["SubnetIds", "SecurityGroupIds"]),
        (
            "warehouse",
            "warehouse-redshift",
            ["WorkgroupName", "WorkgroupArn", "ClusterIdentifier", "WarehouseHost", "DatabaseName"],
        ),
    ],
)
def test_a_stack_takes_what_another_gives(environment: Environment, stack: str, giver: str, names: list[str]) -> None:
    sources = parameter_sources(STACKS[stack], declared_stacks(), environment)

    assert {name: sources[name] for name in names} == {
        name: Source("output", stack=giver, output=name) for name in names
    }


def test_the_network_comes_first_and_the_line_last(environment: Environment) -> None:
    order = [stack.name for stack in deployment_order(declared_stacks(), environment)]
    places = [order.index(name) for name in ("warehouse-network", "warehouse-redshift", "warehouse")]

    assert places == sorted(places)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ExistingClusterIdentifier": "a", "ExistingWorkgroupName": "one"}, "a workgroup or a cluster"),
        ({"ExistingClusterIdentifier": "a"}, "its endpoint, without a port"),
        ({"ExistingWorkgroupName": "one"}, "come ExistingWorkgroupArn and ExistingWarehouseHost"),
    ],
)
def test_what_is_there_already_is_given_whole_and_once(given: dict[str, str], said: str) -> None:
    values = {name: str(one.get("Default", "")) for name, one in REDSHIFT.parameters.items()} | given

    with pytest.raises(TemplateError, match=said):
        check_rules(REDSHIFT.template, REDSHIFT.document["Rules"], values)
    check_rules(REDSHIFT.template, REDSHIFT.document["Rules"], values | dict.fromkeys(given, ""))


def test_an_existing_workgroup_and_network_come_by_parameters() -> None:
    for stack in (NETWORK, REDSHIFT):
        existing = [name for name in stack.parameters if name.startswith("Existing")]
        assert existing
        assert all("Default" in stack.parameters[name] for name in existing)
    made = [*resources(REDSHIFT, "AWS::RedshiftServerless::Workgroup"), "Namespace", "WarehouseKey"]
    assert {REDSHIFT.document["Resources"][name]["Condition"] for name in made} == {"MakesWorkgroup"}


def test_only_the_register_function_reaches_the_warehouse() -> None:
    [workgroup] = resources(REDSHIFT, "AWS::RedshiftServerless::Workgroup").values()
    ways = resources(NETWORK, "AWS::EC2::SecurityGroupIngress")
    groups = resources(NETWORK, "AWS::EC2::SecurityGroup")

    assert workgroup["PubliclyAccessible"] is False
    assert {"ParameterKey": "require_ssl", "ParameterValue": "true"} in workgroup["ConfigParameters"]
    assert [str(way["SourceSecurityGroupId"]) for way in ways.values()] == [
        str({"Fn::GetAtt": ["FunctionSecurityGroup", "GroupId"]})
    ]
    assert [name for name, one in groups.items() if "SecurityGroupIngress" in one] == ["EndpointSecurityGroup"]


def test_endpoints_are_made_where_they_cost_nothing_and_else_where_they_are_asked_for() -> None:
    endpoints = resources(NETWORK, "AWS::EC2::VPCEndpoint")
    conditions = {name: NETWORK.document["Resources"][name]["Condition"] for name in endpoints}

    assert NETWORK.parameters["HasInterfaceEndpoints"]["Default"] == "false"
    assert {name: conditions[name] for name, one in endpoints.items() if one["VpcEndpointType"] == "Gateway"} == {
        "S3Endpoint": "MakesVpc"
    }
    assert {conditions[name] for name, one in endpoints.items() if one["VpcEndpointType"] == "Interface"} == {
        "MakesEndpoints"
    }
    [group] = [one for name, one in resources(NETWORK, "AWS::EC2::SecurityGroup").items() if name.startswith("Endp")]
    assert [way["CidrIp"] for way in group["SecurityGroupIngress"]] == [{"Ref": "VpcCidr"}]


def test_what_the_warehouse_holds_outlives_its_stack() -> None:
    assert {"Namespace", "WarehouseKey", "GoogleSecret"} == set(REDSHIFT.retained)


def test_no_secret_is_in_the_template() -> None:
    [secret] = resources(REDSHIFT, "AWS::SecretsManager::Secret").values()
    [namespace] = resources(REDSHIFT, "AWS::RedshiftServerless::Namespace").values()

    assert not {"SecretString", "GenerateSecretString"} & secret.keys()
    assert namespace["ManageAdminPassword"] is True
    assert "AdminUserPassword" not in namespace


def test_the_register_function_alone_is_in_the_network() -> None:
    stack = resolved(warehouse_template(**IN_VPC), WAREHOUSE)
    inside = {
        name: one["VpcConfig"] for name, one in stack.of_type("AWS::Lambda::Function").items() if "VpcConfig" in one
    }

    assert inside == {"RegisterFunction": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}}
    assert role_may(stack.properties["RegisterRole"], INTERFACE, "*")


def test_without_subnets_no_function_is_in_a_network() -> None:
    stack = resolved(warehouse_template(), WAREHOUSE)

    assert not [name for name, one in stack.of_type("AWS::Lambda::Function").items() if one.get("VpcConfig")]
    assert not role_may(stack.properties["RegisterRole"], INTERFACE, "*")

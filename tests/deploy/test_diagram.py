"""The diagram in deploy/README.md is what the templates say."""

from itertools import pairwise
from typing import Any

import pytest

from deploy.diagram.__main__ import END, README, diagram, drawn, shipped_accounts
from deploy.diagram.resources import Account

DRAWN = diagram(shipped_accounts())


def test_the_readme_shows_the_templates() -> None:
    text = README.read_text()

    assert text == drawn(text), "Run make -C deploy diagram."


@pytest.mark.parametrize(
    "way",
    [
        ["people", "app_LoadBalancer", "app_Hosts", "app_AppBus", "app_ForwardRule", "warehouse_WarehouseBus"],
        ["warehouse_WarehouseBus", "warehouse_RequestsRule", "warehouse_RegisterQueue", "warehouse_RegisterFunction"],
        ["warehouse_RegisterFunction", "warehouse_AppFlow", "warehouse_Workgroup"],
        ["warehouse_RegisterFunction", "warehouse_Workgroup"],
        ["google", "warehouse_AppFlow", "warehouse_IntermediateBucket", "warehouse_Workgroup"],
        ["warehouse_AppFlow", "warehouse_AppFlowRunsRule", "warehouse_WatchQueue", "warehouse_WatchFunction"],
        ["warehouse_WatchFunction", "warehouse_RefreshQueue", "warehouse_RefreshFunction", "warehouse_Workgroup"],
        ["warehouse_Workgroup", "app_UnloadBucket", "app_UpsertQueue", "app_UpsertFunction", "app_Proxy"],
        ["app_Hosts", "app_Proxy", "app_Database"],
        ["app_Hosts", "app_Cache"],
        ["warehouse_RegisterFunction", "warehouse_WarehouseBus", "warehouse_AnswersRule", "app_AppBus"],
        ["app_AppBus", "app_StatusRule", "app_StatusQueue", "app_Hosts"],
        ["app_Hosts", "app_UpsertQueue"],
        ["warehouse_SweepSchedule", "warehouse_WatchQueue"],
        ["warehouse_AdvanceSchedule", "warehouse_AdvanceQueue", "warehouse_AdvanceFunction", "warehouse_AppFlow"],
        ["warehouse_WarehouseBus", "warehouse_IncidentsRule", "warehouse_NotifyQueue", "warehouse_NotifyFunction"],
        ["warehouse_NotifyFunction", "warehouse_ChatTopic", "warehouse_ChatChannel", "warehouse_RetryFunction"],
        ["warehouse_ChatChannel", "warehouse_ShowStatusFunction"],
    ],
)
def test_the_line_can_be_followed(way: list[str]) -> None:
    for source, target in pairwise(way):
        assert f"  {source} --> {target}\n" in DRAWN


def test_every_end_of_an_arrow_is_drawn() -> None:
    arrows = [line.split(" --> ") for line in DRAWN.splitlines() if " --> " in line]
    boxes = [line.strip() for line in DRAWN.splitlines() if " --> " not in line]

    for end in {end.strip() for arrow in arrows for end in arrow}:
        assert [box for box in boxes if box.removeprefix(end)[:1] in tuple("{[(>") and box.startswith(end)], end


def test_nothing_begins_but_outside_or_by_the_clock() -> None:
    arrows = [line.strip().split(" --> ") for line in DRAWN.splitlines() if " --> " in line]
    begins = {source for source, _ in arrows} - {target for _, target in arrows}

    # Alarms, which are not drawn, ring at this topic.
    assert begins == {
        "people",
        "google",
        "warehouse_SweepSchedule",
        "warehouse_AdvanceSchedule",
        "warehouse_AlarmTopic",
    }


QUEUE = {"Type": "AWS::SQS::Queue"}


def function_that(effect: str) -> dict[str, Any]:
    """Return the resources of a function, and of its role that may, or must not, send to a queue."""
    statement = {"Effect": effect, "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}
    lambdas = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policies = [{"PolicyDocument": {"Statement": [{"Fn::If": ["IsSo", statement, {"Ref": "AWS::NoValue"}]}]}}]
    role = {"AssumeRolePolicyDocument": {"Statement": [lambdas]}, "Policies": policies}
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Serverless::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
        "Queue": QUEUE,
    }


@pytest.mark.parametrize(("effect", "is_drawn"), [("Allow", True), ("Deny", False)])
def test_what_is_allowed_is_an_arrow_and_what_is_denied_is_none(effect: str, *, is_drawn: bool) -> None:
    account = Account.of("app", [{"Resources": function_that(effect)}])

    assert ("  app_Function --> app_Queue\n" in diagram({"app": account})) == is_drawn


def test_a_parameter_stands_for_the_output_of_the_same_name_of_another_stack() -> None:
    proxies = {
        "Resources": {"Proxy": {"Type": "AWS::RDS::DBProxy"}},
        "Outputs": {"DatabaseHost": {"Value": {"Fn::GetAtt": ["Proxy", "Endpoint"]}}},
    }
    environment = {"Variables": {"HOST": {"Ref": "DatabaseHost"}}}
    function = {"Type": "AWS::Serverless::Function", "Properties": {"Environment": environment}}
    account = Account.of("app", [{"Resources": {"Function": function}}, proxies])

    assert "  app_Function --> app_Proxy\n" in diagram({"app": account})


def test_two_templates_that_name_what_is_drawn_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="name a resource Queue"):
        Account.of("app", [{"Resources": {"Queue": QUEUE}}, {"Resources": {"Queue": QUEUE}}])


def test_a_readme_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks of the diagram"):
        drawn(f"nothing {END}")

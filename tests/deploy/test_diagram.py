"""The diagram in deploy/README.md is what the templates say."""

from itertools import pairwise

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
        ["app_AppRole", "app_AppBus", "app_ForwardRule", "warehouse_WarehouseBus", "warehouse_RequestsRule"],
        ["warehouse_RequestsRule", "warehouse_RegisterQueue", "warehouse_RegisterFunction", "warehouse_WarehouseBus"],
        ["warehouse_WarehouseBus", "warehouse_AnswersRule", "app_AppBus", "app_StatusRule", "app_StatusQueue"],
        ["app_StatusQueue", "app_AppRole"],
        ["warehouse_SweepSchedule", "warehouse_WatchQueue", "warehouse_WatchFunction", "warehouse_RefreshQueue"],
        ["warehouse_RefreshQueue", "warehouse_RefreshFunction"],
        ["warehouse_RedshiftUnloadRole", "app_UnloadRole", "app_UnloadBucket", "app_UpsertQueue", "app_UpsertFunction"],
        ["warehouse_IncidentsRule", "warehouse_NotifyQueue", "warehouse_NotifyFunction", "warehouse_ChatTopic"],
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


def test_what_is_denied_is_no_arrow() -> None:
    denied = {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": {"Statement": [denied]}}]}}
    account = Account("app", {"Role": role, "Queue": {"Type": "AWS::SQS::Queue"}})

    assert " --> " not in diagram({"app": account})


def test_a_readme_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks of the diagram"):
        drawn(f"nothing {END}")

import json
import re
from typing import Any

import pytest

from deploy.local.accounts import APP, APP_TEMPLATE, WAREHOUSE
from deploy.local.policies.stacks import plain_template
from deploy.local.state import REPOSITORY
from deploy.local.templates.sam import load_template
from deploy.stacks.declared import declared_stacks
from tests.architecture.wiring.monitoring import WATCHED, beside_the_line, documented_metrics, metrics_written
from tests.architecture.wiring.stacks import Properties, Stack, resolved, shipped_templates


def alarms(**names: str) -> dict[str, Properties]:
    """Return the alarms of monitoring.yaml for these names."""
    stack = resolved(load_template(APP_TEMPLATE.with_name("monitoring.yaml"), names, APP.region), APP)
    return stack.of_type("AWS::CloudWatch::Alarm")


def rotation() -> Stack:
    """Return the stack that changes the passwords; its parameters are named after themselves."""
    return resolved(plain_template(APP_TEMPLATE.with_name("rotation.yaml"), APP), APP)


def check_telling(found: dict[str, Properties]) -> None:
    """Check that alarms tell the topic, which takes them by their name, and name a section of the runbook."""
    sections = re.findall(r"^#+ (.+)$", (REPOSITORY / "docs/runbook.md").read_text(), re.MULTILINE)
    topic = f"arn:aws:sns:{APP.region}:{APP.account_id}:myapp-alarms"
    for name, alarm in found.items():
        (section,) = re.findall(r'docs/runbook\.md says under "([^"]+)"', alarm["AlarmDescription"])
        assert section in sections, name
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], name
        assert alarm["AlarmName"].startswith("myapp-"), name


def test_the_monitoring_page_names_the_metrics_that_are_written_and_no_others() -> None:
    assert documented_metrics() == metrics_written()


def test_each_alarm_on_other_stacks_tells_the_topic_and_names_what_to_do() -> None:
    found = alarms(**WATCHED)

    assert len(found) == 8
    check_telling(found)
    for name, alarm in found.items():
        assert all(one["Value"] in WATCHED.values() for one in alarm["Dimensions"]), name


def test_a_password_that_is_not_changed_is_told() -> None:
    stack = rotation()
    found = stack.of_type("AWS::CloudWatch::Alarm")
    schedules = stack.of_type("AWS::SecretsManager::RotationSchedule").values()
    functions = [one["HostedRotationLambda"]["RotationLambdaName"] for one in schedules]

    check_telling(found)
    assert {(one["MetricName"], one["Dimensions"][0]["Value"]) for one in found.values()} == {
        (metric, function) for function in functions for metric in ("Errors", "Throttles")
    }
    for alarm in found.values():  # they run once a month: the first time that it fails is told
        assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Statistic"]) == (0, 1, "Sum")


def test_what_has_no_name_has_no_alarm() -> None:
    assert alarms() == {}
    assert alarms(DatabaseProxy="myapp").keys() == {"ProxyBorrowAlarm"}


def shown(body: str) -> tuple[set[str], set[str]]:
    """Return the metrics that a dashboard shows, and the ARNs of the alarms."""
    widgets: list[dict[str, Any]] = [one["properties"] for one in json.loads(body)["widgets"]]
    metrics = {metric[1] for one in widgets for metric in one.get("metrics", ())}
    return metrics, {arn for one in widgets for arn in one.get("alarms", ())}


def test_the_one_dashboard_of_account_1_shows_all_an_operator_asks_first() -> None:
    stack = beside_the_line()
    body = stack.properties["Dashboard"]["DashboardBody"]
    metrics, states = shown(body)

    assert "${" not in body
    assert metrics >= {
        "OutboxLagSeconds",
        "ReportsBehind",
        "RowsLoaded",
        "LoadLagSeconds",
        "ApproximateAgeOfOldestMessage",
        "FreeStorageSpace",
        "DatabaseConnectionsBorrowLatency",
        "HealthyHostCount",
        "mem_used_percent",
    }
    assert json.loads(body)["widgets"][0]["type"] == "alarm"
    line = resolved(shipped_templates()["app"], APP)
    assert states == {
        one.arns[name] for one in (line, stack, rotation()) for name in one.of_type("AWS::CloudWatch::Alarm")
    }


def test_the_dashboard_of_account_2_shows_all_of_its_alarms_and_nothing_else() -> None:
    stack = resolved(shipped_templates()["warehouse"], WAREHOUSE)
    _, states = shown(stack.properties["Dashboard"]["DashboardBody"])

    assert states == {stack.arns[name] for name in stack.of_type("AWS::CloudWatch::Alarm")}


def test_the_dashboard_shows_no_alarm_on_what_has_no_name() -> None:
    stack = resolved(
        load_template(APP_TEMPLATE.with_name("monitoring.yaml"), {"DatabaseProxy": "myapp"}, APP.region), APP
    )
    _, states = shown(stack.properties["Dashboard"]["DashboardBody"])

    assert any(arn.endswith(":myapp-proxy-borrow-latency") for arn in states)
    assert not any(arn.endswith((":myapp-database-cpu", ":myapp-no-host")) for arn in states)


@pytest.mark.parametrize(("name", "account"), [("app", 1), ("warehouse", 2)])
def test_no_mail_about_costs_comes_while_they_are_what_the_readme_expects(name: str, account: int) -> None:
    [stack] = [one for one in declared_stacks() if one.name == name]
    costs = (REPOSITORY / "deploy/README.md").read_text().partition("\n## Costs")[2]
    [expected] = re.findall(rf"^\| \*\*of it Account {account}\*\* .*?(\d+)\*\* \|$", costs, re.MULTILINE)

    assert int(expected) < stack.parameters["MonthlyBudget"]["Default"] * 4 / 5


def test_an_account_has_one_dashboard() -> None:
    found = [
        (stack.account, name)
        for stack in declared_stacks()
        for name, one in stack.document["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Dashboard"
    ]

    assert sorted(account for account, _ in found) == ["app", "warehouse"]

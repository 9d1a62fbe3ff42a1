import json
import re
from typing import Any

from deploy.local.accounts import APP, APP_TEMPLATE
from deploy.local.state import REPOSITORY
from deploy.local.templates.sam import load_template
from tests.architecture.wiring.monitoring import documented_metrics, metrics_written
from tests.architecture.wiring.stacks import Properties, resolved

NAMES = {
    "DatabaseInstance": "myapp",
    "DatabaseProxy": "myapp",
    "LoadBalancer": "app/myapp/0123456789abcdef",
    "TargetGroup": "targetgroup/myapp/0123456789abcdef",
    "AutoScalingGroup": "myapp",
}


def alarms(**names: str) -> dict[str, Properties]:
    """Return the alarms of monitoring.yaml for these names."""
    stack = resolved(load_template(APP_TEMPLATE.with_name("monitoring.yaml"), names, APP.region), APP)
    return stack.of_type("AWS::CloudWatch::Alarm")


def test_the_monitoring_page_names_the_metrics_that_are_written_and_no_others() -> None:
    assert documented_metrics() == metrics_written()


def test_each_alarm_on_other_stacks_tells_the_topic_and_names_what_to_do() -> None:
    sections = re.findall(r"^#+ (.+)$", (REPOSITORY / "docs/runbook.md").read_text(), re.MULTILINE)
    topic = f"arn:aws:sns:{APP.region}:{APP.account_id}:myapp-alarms"
    found = alarms(**NAMES)

    assert len(found) == 8
    for name, alarm in found.items():
        (section,) = re.findall(r'docs/runbook\.md says under "([^"]+)"', alarm["AlarmDescription"])
        assert section in sections, name
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], name
        assert alarm["AlarmName"].startswith("myapp-"), name  # or the topic would not take it
        assert all(one["Value"] in NAMES.values() for one in alarm["Dimensions"]), name


def test_what_has_no_name_has_no_alarm() -> None:
    assert alarms() == {}
    assert alarms(DatabaseProxy="myapp").keys() == {"ProxyBorrowAlarm"}


def test_the_dashboard_of_other_stacks_can_be_read() -> None:
    stack = resolved(load_template(APP_TEMPLATE.with_name("monitoring.yaml"), NAMES, APP.region), APP)
    body: dict[str, Any] = json.loads(stack.properties["Dashboard"]["DashboardBody"])

    assert len(body["widgets"]) == 9
    assert "${" not in stack.properties["Dashboard"]["DashboardBody"]

"""What the operator looks at: dashboards that show numbers which exist, the quarantine's filter, the budget."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from deploy.local.accounts import APP, APP_TEMPLATE
from deploy.local.state import REPOSITORY
from deploy.local.templates.sam import load_template
from tests.architecture.code import PACKAGES, python_files
from tests.architecture.wiring.stacks import BUDGET_EMAIL, NAMESPACE, Stack, resolved

_DOCUMENT: Final = REPOSITORY / "docs/monitoring.md"
_FILTER: Final = '{ $.level = "ERROR" && $.message = "quarantine opened" }'
_LOGGED: Final = 'logger.error("quarantine opened"'
# What monitoring.yaml is told of what other stacks made.
WATCHED: Final = {
    "DatabaseInstance": "myapp",
    "DatabaseProxy": "myapp",
    "LoadBalancer": "app/myapp/0123456789abcdef",
    "TargetGroup": "targetgroup/myapp/0123456789abcdef",
    "AutoScalingGroup": "myapp",
}
_COUNTED: Final = "QuarantinesOpened"
_BUDGETS: Final = {"app": "700", "warehouse": "450"}  # US dollars; deploy/README.md, Costs


def monitoring_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    """Say what an operator would look at in vain."""
    for account, stack in stacks.items():
        yield from _dashboard_problems(account, stack, dashboards_stack(account, stack))
        yield from _budget_problems(stack, _BUDGETS[account])
    yield from _filter_problems(stacks["app"])


@functools.cache
def beside_the_line() -> Stack:
    """Return the stack of monitoring.yaml, with a name for each thing that it watches."""
    return resolved(load_template(APP_TEMPLATE.with_name("monitoring.yaml"), WATCHED, APP.region), APP)


def dashboards_stack(account: str, stack: Stack) -> Stack:
    """Return the stack that has the account's one dashboard: Account 1's is made when all that it shows is there."""
    return beside_the_line() if account == "app" else stack


def _dashboard_problems(account: str, stack: Stack, shows: Stack) -> Iterator[str]:
    dashboard = shows.properties.get("Dashboard", {})
    if "DashboardBody" not in dashboard:
        yield f"Dashboard of {account} is missing, or has no DashboardBody."
        return
    if dashboard.get("DashboardName") != f"myapp-{account}":
        yield f"Dashboard: its DashboardName is not myapp-{account}."
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    shown = [one for widget in widgets for one in widget["properties"].get("metrics", ())]
    for one in {id(stack): stack, id(shows): shows}.values():
        yield from (f"Dashboard of {account} {problem}" for problem in _state_problems(one, widgets))
    written = metrics_written()
    for namespace, metric, *dimensions in shown:
        if namespace == NAMESPACE and metric not in written:
            yield f"Dashboard of {account} shows {metric}, which nothing writes."
        yield from _subject_problems(stack, dimensions)
    queues = {one[3] for one in shown if one[0] == "AWS/SQS"}
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        if queue["QueueName"] not in queues:
            yield f"Dashboard of {account} does not show {name}."


def _state_problems(stack: Stack, widgets: list[Any]) -> Iterator[str]:
    states = {arn for widget in widgets for arn in widget["properties"].get("alarms", ())}
    for name in stack.of_type("AWS::CloudWatch::Alarm"):
        if stack.arns[name] not in states:
            yield f"does not show whether {name} rings."


def _subject_problems(stack: Stack, dimensions: list[Any]) -> Iterator[str]:
    names = {str(one.get("QueueName") or one.get("FunctionName")) for one in stack.properties.values()}
    match dimensions:
        case [("QueueName" | "FunctionName"), subject] if subject not in names:
            yield f"Dashboard shows {subject}, which is nothing of the stack."


@functools.cache
def metrics_written() -> set[str]:
    """Return the names of the metrics that the code writes, and the one that CloudWatch counts itself."""
    texts = [path.read_text() for folder in PACKAGES.values() for path in python_files(folder)]
    called = re.compile(r'(?:count|lag_since)\(\s*((?:"[A-Z]\w+"[^"\n]*)+)')
    found = {name for text in texts for call in called.findall(text) for name in re.findall(r'"([A-Z]\w+)"', call)}
    units = re.findall(r'"(\w+)": "(?:Seconds|Count)"', (PACKAGES["myapp"] / "monitoring.py").read_text())
    return found | set(units) | {_COUNTED}


def _budget_problems(stack: Stack, amount: str) -> Iterator[str]:
    budget = stack.properties.get("CostBudget", {})
    wanted = {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": amount, "Unit": "USD"}}
    if not budget.get("Budget", {}).items() >= wanted.items():
        yield f"CostBudget is not {wanted}."
    told = [
        (one["Notification"]["NotificationType"], subscriber["Address"])
        for one in budget.get("NotificationsWithSubscribers", ())
        for subscriber in one["Subscribers"]
    ]
    if told != [("ACTUAL", BUDGET_EMAIL), ("FORECASTED", BUDGET_EMAIL)]:
        yield f"CostBudget: its NotificationsWithSubscribers tell {told}."


def _filter_problems(stack: Stack) -> Iterator[str]:
    found = stack.properties.get("QuarantineFilter", {})
    if found.get("FilterPattern") != _FILTER:
        yield f"QuarantineFilter: its FilterPattern is not {_FILTER}."
    if _LOGGED not in (PACKAGES["serving"] / "upsert.py").read_text():
        yield "QuarantineFilter counts a line that nothing logs."
    if stack.named(found.get("LogGroupName")) != "UpsertLogGroup":
        yield "QuarantineFilter: its LogGroupName is not that of the function that logs the line."
    counted = [(one.get("MetricNamespace"), one.get("MetricName")) for one in found.get("MetricTransformations", ())]
    if counted != [(NAMESPACE, _COUNTED)]:
        yield f"QuarantineFilter: its MetricTransformations count {counted}."


def documented_metrics() -> set[str]:
    """Return the metrics that docs/monitoring.md has a row of."""
    return set(re.findall(r"^\| `([A-Z]\w+)` \|", _DOCUMENT.read_text(), re.MULTILINE))

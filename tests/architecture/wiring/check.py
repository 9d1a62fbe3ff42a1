"""Follows the straight line through both templates, as they would deploy, and says where it is broken."""

from collections.abc import Iterator, Mapping

from deploy.local.templates.errors import TemplateError
from deploy.local.templates.sam import Template
from tests.architecture.wiring.alarms import alarm_problems
from tests.architecture.wiring.chat import chat_problems
from tests.architecture.wiring.events import event_problems
from tests.architecture.wiring.functions import function_problems
from tests.architecture.wiring.monitoring import monitoring_problems
from tests.architecture.wiring.queues import queue_problems
from tests.architecture.wiring.rights import right_problems
from tests.architecture.wiring.schemas import schema_problems
from tests.architecture.wiring.stacks import ACCOUNTS, Stack, resolved

_REQUIRED = {
    "app": (
        "AppBus",
        "AppRole",
        "UnloadBucket",
        "UnloadRole",
        "DatabaseSecret",
        "StatusQueue",
        "UpsertFunctionRole",
        "AlarmTopic",
    ),
    "warehouse": (
        "WarehouseBus",
        "WarehouseSecret",
        "IntermediateBucket",
        "ErrorBucket",
        "RegisterQueue",
        "WatchQueue",
        "AdvanceQueue",
        "RefreshQueue",
        "SchedulesDeadLetterQueue",
        "DdlRole",
        "AppFlowIngestRole",
        "AppFlowCopyRole",
        "RegisterRole",
        "WatchRole",
        "AdvanceRole",
        "RefreshRole",
        "UnloadCallerRole",
        "RedshiftUnloadRole",
        "RetryRole",
        "RetryDeadLetterQueue",
        "ShowStatusRole",
        "AlarmTopic",
        "AlarmKey",
        "NotifyQueue",
        "NotifyRole",
        "NotifiedTable",
        "ChatTopic",
        "ChatRole",
        "ChatGuardrail",
        "ChatChannel",
        "RetryAction",
        "ShowStatusAction",
    ),
}


def wiring_problems(templates: Mapping[str, Template], unchanged: Mapping[str, Stack] | None = None) -> Iterator[str]:
    """Yield every problem in words, none if the line is whole; `unchanged` saves resolving a stack again."""
    stacks = dict(unchanged or {})
    for name, template in templates.items():
        try:
            stacks[name] = resolved(template, ACCOUNTS[name])
        except TemplateError as error:
            yield f"It would not deploy: {error}"
            return
    missing = [
        f"{resource} is missing."
        for name, resources in _REQUIRED.items()
        for resource in resources
        if resource not in stacks[name].types
    ]
    yield from missing
    if not missing:
        yield from _problems_of_what_is_there(stacks)


def _problems_of_what_is_there(stacks: dict[str, Stack]) -> Iterator[str]:
    yield from event_problems(stacks)
    yield from queue_problems(stacks)
    yield from function_problems(stacks)
    yield from right_problems(stacks)
    yield from alarm_problems(stacks)
    yield from chat_problems(stacks["warehouse"])
    yield from monitoring_problems(stacks)
    yield from schema_problems(stacks["app"])

"""The functions: a handler that is there, what feeds it, and the environment that its config asks for."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from message_batches.waiting import LONGEST_WAIT_SECONDS
from tests.architecture.wiring.needs import ingest_user
from tests.architecture.wiring.stacks import APP_URL, NAMESPACE, Properties, Stack
from warehouse.redshift import WarehouseAddress

# function → the queue that feeds it
FEEDS: Final = {
    "UpsertFunction": "UpsertQueue",
    "RegisterFunction": "RegisterQueue",
    "WatchFunction": "WatchQueue",
    "AdvanceFunction": "AdvanceQueue",
    "RefreshFunction": "RefreshQueue",
    "NotifyFunction": "NotifyQueue",
}
# function that is called by name → where it leaves what it could not do, if it is called asynchronously
CALLED: Final = {"RetryFunction": "RetryDeadLetterQueue", "ShowStatusFunction": None}
_VISIBILITY_FACTOR: Final = 6  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_LAYERS: Final = ["myapp-contracts", "myapp-message-batches"]
_LOGGING: Final = ("POWERTOOLS_LOG_LEVEL", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME")


def function_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    """Say what keeps a function from being woken, found, or configured."""
    for stack in stacks.values():
        for name, function in stack.of_type("AWS::Lambda::Function").items():
            yield from (f"{name}: {one}" for one in _function_problems(stack, name, function))
            yield from (f"{name}: {one}" for one in environment_problems(stacks, name, function))
    there = {name for stack in stacks.values() for name in stack.of_type("AWS::Lambda::Function")}
    yield from (f"{name} is missing." for name in sorted({*FEEDS, *CALLED} - there))
    yield from _secret_problems(stacks)


def _function_problems(stack: Stack, name: str, function: Properties) -> Iterator[str]:
    if _handler(function) is None:
        yield f"its handler {function['Handler']} is no function."
    names = {layer: one["LayerName"] for layer, one in stack.of_type("AWS::Lambda::LayerVersion").items()}
    layers = [names.get(stack.named(arn) or "") for arn in function.get("Layers", ())]
    if layers != _LAYERS:
        yield f"its Layers are {layers}, not {_LAYERS}."
    yield from _log_problems(stack, function)
    if name in CALLED:
        yield from _called_problems(stack, function, CALLED[name])
        return
    if name not in FEEDS:
        yield "it is fed by no queue of the line: name it in FEEDS, or in CALLED."
        return
    mappings = [
        one
        for one in stack.of_type("AWS::Lambda::EventSourceMapping").values()
        if stack.named(one["FunctionName"]) == name and stack.named(one["EventSourceArn"]) == FEEDS[name]
    ]
    if len(mappings) != 1:
        yield f"it has {len(mappings)} event sources from {FEEDS[name]}."
        return
    yield from _source_problems(stack, FEEDS[name], mappings[0], int(function.get("Timeout", 3)))


def _log_problems(stack: Stack, function: Properties) -> Iterator[str]:
    if function.get("TracingConfig") != {"Mode": "PassThrough"}:
        yield "its TracingConfig is not what TracingMode says."
    group = stack.named(function.get("LoggingConfig", {}).get("LogGroup"))
    if group is None:
        yield "its LoggingConfig names no log group of the stack: what it logs would be kept for ever."
        return
    name, days = (stack.properties[group].get(member) for member in ("LogGroupName", "RetentionInDays"))
    if name != f"/aws/lambda/{function['FunctionName']}":
        yield f"{group}: its LogGroupName is {name}, where nobody would look."
    if not days:
        yield f"{group}: it has no RetentionInDays: what is logged would be kept for ever."


def _called_problems(stack: Stack, function: Properties, dead_letters: str | None) -> Iterator[str]:
    if stack.named(function.get("DeadLetterConfig", {}).get("TargetArn")) != dead_letters:
        yield f"its DeadLetterConfig does not name {dead_letters}."


def _source_problems(stack: Stack, queue: str, source: Properties, timeout_seconds: int) -> Iterator[str]:
    if not source.get("Enabled", True):
        yield f"its event source {queue} is not enabled."
    if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
        yield f"its event source {queue} lacks FunctionResponseTypes: one bad message would fail its whole batch."
    visibility_seconds = int(stack.properties[queue].get("VisibilityTimeout", 30))
    if visibility_seconds < _VISIBILITY_FACTOR * timeout_seconds:
        yield (
            f"{queue}: VisibilityTimeout of {visibility_seconds} s is less than "
            f"{_VISIBILITY_FACTOR} times the function's {timeout_seconds} s."
        )
    if visibility_seconds <= LONGEST_WAIT_SECONDS:
        yield f"{queue}: VisibilityTimeout must be more than the {LONGEST_WAIT_SECONDS} s that a failed message waits."


def _handler(function: Properties) -> Any:
    module_name, _, attribute = function["Handler"].rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), attribute, None)
    except ModuleNotFoundError:
        return None
    return found if callable(found) else None


def environment_problems(stacks: dict[str, Stack], name: str, function: Properties) -> Iterator[str]:
    """Say where a function's environment is not exactly what its handler's config model asks for."""
    if _handler(function) is None:
        return
    variables = dict(function.get("Environment", {}).get("Variables", {}))
    module = importlib.import_module(function["Handler"].rpartition(".")[0])
    yield from _logging_problems(variables, module)
    model = config_model(module)
    values = {key.lower(): value for key, value in variables.items() if key not in _LOGGING}
    for key in values.keys() - model.model_fields.keys():
        yield f"its Environment sets {key.upper()}, which {model.__name__} does not read."
    try:
        model.model_validate({key: str(value) for key, value in values.items()})
    except ValidationError as error:
        yield from (
            f"its Environment lacks {'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
        )
    expected = _expected_values(stacks) | {"QUEUE_URL": _own_queue_url(stacks, name)}
    for key, value in variables.items():
        if value != expected.get(key, value):
            yield f"its Environment has {key}={value}, which should be {expected[key]}."


def config_model(module: ModuleType) -> type[BaseModel]:
    """Return the config model that a handler's module reads its environment into."""
    (model,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__.endswith(".config")
    )
    return model


def _logging_problems(variables: dict[str, Any], module: ModuleType) -> Iterator[str]:
    # Loggers below the handler's take the service's name from there.
    expected = {
        "POWERTOOLS_SERVICE_NAME": module.__name__.rpartition(".")[2],
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
    }
    for key in _LOGGING:
        if variables.get(key) != expected[key]:
            yield f"its Environment has {key}={variables.get(key)}, which should be {expected[key]}."


def _expected_values(stacks: dict[str, Stack]) -> dict[str, str]:
    app, warehouse = stacks["app"], stacks["warehouse"]
    return {
        "UNLOAD_BUCKET": app.refs["UnloadBucket"],
        "UNLOAD_BUCKET_OWNER": app.account.account_id,
        "UNLOAD_BUCKET_REGION": app.account.region,
        "DATABASE_SECRET_ARN": app.refs["DatabaseSecret"],
        "APP_ACCOUNT_ID": app.account.account_id,
        "WAREHOUSE_BUS_NAME": warehouse.refs["WarehouseBus"],
        "WAREHOUSE_SECRET_ARN": warehouse.refs["WarehouseSecret"],
        "INTERMEDIATE_BUCKET": warehouse.refs["IntermediateBucket"],
        "ERROR_BUCKET": warehouse.refs["ErrorBucket"],
        "WATCH_QUEUE_URL": warehouse.refs["WatchQueue"],
        "REFRESH_QUEUE_URL": warehouse.refs["RefreshQueue"],
        "APP_URL": APP_URL,
        "CHAT_TOPIC_ARN": warehouse.refs["ChatTopic"],
        "NOTIFIED_TABLE": warehouse.refs["NotifiedTable"],
        "RETRY_FUNCTION": warehouse.refs["RetryFunction"],
        "STATUS_FUNCTION": warehouse.refs["ShowStatusFunction"],
        "DDL_ROLE_ARN": warehouse.arns["DdlRole"],
        "UNLOAD_CALLER_ROLE_ARN": warehouse.arns["UnloadCallerRole"],
        "UNLOAD_ROLE_CHAIN": f"{warehouse.arns['RedshiftUnloadRole']},{app.arns['UnloadRole']}",
        "INGEST_USER": ingest_user(warehouse),
        "REFRESH_USER": f"IAMR:{warehouse.refs['RefreshRole']}",
        "UNLOAD_USER": f"IAMR:{warehouse.refs['UnloadCallerRole']}",
        "REGISTER_USER": f"IAMR:{warehouse.refs['RegisterRole']}",
        "WATCH_USER": f"IAMR:{warehouse.refs['WatchRole']}",
        "ADVANCE_USER": f"IAMR:{warehouse.refs['AdvanceRole']}",
        "RETRY_USER": f"IAMR:{warehouse.refs['RetryRole']}",
        "STATUS_USER": f"IAMR:{warehouse.refs['ShowStatusRole']}",
    }


def _own_queue_url(stacks: dict[str, Stack], name: str) -> str | None:
    return next((stack.refs[FEEDS[name]] for stack in stacks.values() if FEEDS.get(name) in stack.refs), None)


def _secret_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    try:
        WarehouseAddress.model_validate_json(stacks["warehouse"].properties["WarehouseSecret"].get("SecretString", ""))
    except ValidationError as error:
        yield f"WarehouseSecret's SecretString is not what the register function reads: {error}"
    generated = stacks["app"].properties["DatabaseSecret"].get("GenerateSecretString", {})
    if generated.get("GenerateStringKey") != "password":
        yield "DatabaseSecret's GenerateSecretString has no password."

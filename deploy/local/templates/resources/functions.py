"""Lambda functions, layers and event sources: nothing is made at the endpoint, the runner is told of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.templates.definitions import AsyncInvocation, EventSource, FunctionDefinition
from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created
from deploy.local.templates.layers import built_layer
from deploy.local.templates.sam import CodeSource

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
_RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)


def create_layer(layer: Declaration) -> Created:
    """Build a layer's content."""
    source = _source(layer, layer.properties["Content"])
    arn = layer.stack.arn("lambda", f"layer:{layer.name('LayerName')}:1")
    layer.stack.layers[arn] = built_layer(source, layer.stack.build_root / layer.stack.name)
    return Created(arn, {"LayerVersionArn": arn})


def create_function(function: Declaration) -> Created:
    """Tell the runner of a function."""
    properties, stack = function.properties, function.stack
    name = function.name("FunctionName")
    arn = stack.arn("lambda", f"function:{name}")
    stack.functions.append(
        FunctionDefinition(
            name=name,
            arn=arn,
            handler=properties["Handler"],
            runtime=_runtime(function),
            timeout_seconds=int(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            environment=_variables(function),
            code_dir=_source(function, properties["Code"]).folder,
            layer_dirs=tuple(_layer_dir(function, one) for one in properties.get("Layers", ())),
            role_arn=properties["Role"],
            dead_letter_queue_arn=properties.get("DeadLetterConfig", {}).get("TargetArn"),
            reserved_concurrency=_optional_int(properties, "ReservedConcurrentExecutions"),
        )
    )
    return Created(name, {"Arn": arn})


def create_event_source(mapping: Declaration) -> Created:
    """Tell the runner of a queue that feeds a function."""
    properties, stack = mapping.properties, mapping.stack
    function = _function_named(mapping)
    source = EventSource(
        queue_arn=_queue_arn(mapping),
        function_arn=function.arn,
        batch_size=int(properties.get("BatchSize", 10)),
        batching_window_seconds=int(properties.get("MaximumBatchingWindowInSeconds", 0)),
        maximum_concurrency=_optional_int(properties.get("ScalingConfig", {}), "MaximumConcurrency"),
        reports_failed_items="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
        is_enabled=bool(properties.get("Enabled", True)),
        filters=tuple(json.loads(one["Pattern"]) for one in properties.get("FilterCriteria", {}).get("Filters", ())),
    )
    _check_event_source(mapping, source, function)
    stack.event_sources.append(source)
    return Created(mapping.made_name())


def create_async_invocation(config: Declaration) -> Created:
    """Tell the runner what becomes of a function's asynchronous invocations that fail."""
    properties, stack = config.properties, config.stack
    destination = properties.get("DestinationConfig", {})
    if destination.get("OnSuccess"):
        raise config.error("only what fails is sent anywhere here.", "DestinationConfig", "OnSuccess")
    queue_arn = destination.get("OnFailure", {}).get("Destination")
    if queue_arn and not queue_arn.startswith(stack.arn("sqs", "")):
        raise config.error("only a queue of the same account and region.", "DestinationConfig", "OnFailure")
    function = _function_named(config)
    retries = int(properties.get("MaximumRetryAttempts", 2))
    stack.async_invocations.append(AsyncInvocation(function.arn, retries, queue_arn))
    return Created(config.made_name())


def _check_event_source(mapping: Declaration, source: EventSource, function: FunctionDefinition) -> None:
    """Refuse what Lambda refuses: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html."""
    if source.batch_size > 10 and (source.is_fifo or not source.batching_window_seconds):
        raise mapping.error("more than 10 messages need a batching window, and no FIFO queue.", "BatchSize")
    if source.is_fifo and source.batching_window_seconds:
        raise mapping.error("FIFO queues have no batching window.", "MaximumBatchingWindowInSeconds")
    if source.maximum_concurrency is not None and not 2 <= source.maximum_concurrency <= 1000:
        raise mapping.error("it must be 2 to 1000.", "ScalingConfig", "MaximumConcurrency")
    visibility_seconds = _visibility_seconds(mapping, source.queue_arn)
    if visibility_seconds < function.timeout_seconds:
        problem = (
            f"its VisibilityTimeout of {visibility_seconds} s is less than the function's {function.timeout_seconds} s."
        )
        raise mapping.error(problem, "EventSourceArn")


def _visibility_seconds(mapping: Declaration, queue_arn: str) -> int:
    client = mapping.stack.client("sqs")
    url = client.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
    wanted = client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return int(wanted["Attributes"]["VisibilityTimeout"])


def _queue_arn(mapping: Declaration) -> str:
    arn = str(mapping.properties.get("EventSourceArn", ""))
    own = mapping.stack.arn("sqs", "")
    if not arn.startswith(own):
        problem = f"only queues of the same account and region ({own}…) feed functions here."
        raise mapping.error(problem, "EventSourceArn")
    return arn


def _function_named(mapping: Declaration) -> FunctionDefinition:
    named = mapping.properties["FunctionName"]
    for function in mapping.stack.functions:
        if named in (function.name, function.arn):
            return function
    raise mapping.error(f"{named} is no function of this template.", "FunctionName")


def _source(declaration: Declaration, code: Mapping[str, Any]) -> CodeSource:
    source = declaration.stack.sources.get(code.get("S3Key", "")) if code.get("S3Bucket") == "local" else None
    if source is None:
        raise declaration.error("its code must be a local folder (CodeUri or ContentUri).", "Code")
    return source


def _layer_dir(function: Declaration, arn: str) -> Path:
    if arn not in function.stack.layers:
        raise function.error(f"{arn} is no layer of this template.", "Layers")
    return function.stack.layers[arn]


def _runtime(function: Declaration) -> str:
    runtime = str(function.properties["Runtime"])
    if not runtime.startswith("python"):
        raise function.error(f"only Python runs here, not {runtime}.", "Runtime")
    return runtime


def _variables(function: Declaration) -> dict[str, str]:
    declared = function.properties.get("Environment", {}).get("Variables", {})
    reserved = sorted(declared.keys() & _RESERVED_VARIABLES)
    if reserved:
        raise function.error(f"Lambda reserves {', '.join(reserved)}.", "Environment")
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in declared.items()}


def _optional_int(properties: Mapping[str, Any], member: str) -> int | None:
    return int(properties[member]) if member in properties else None

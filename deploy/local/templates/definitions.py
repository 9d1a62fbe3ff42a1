"""What runner and chat are told of functions, queues that feed them and channels, as the templates declare them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FunctionDefinition:
    """One function; `layer_dirs` hold what Lambda would unpack into `/opt`, in the order of the template."""

    name: str
    arn: str
    handler: str
    runtime: str
    timeout_seconds: int
    memory_mb: int
    environment: Mapping[str, str]
    code_dir: Path
    layer_dirs: tuple[Path, ...]
    role_arn: str
    reserved_concurrency: int | None = None
    dead_letter_queue_arn: str | None = None  # of asynchronous invocations

    @property
    def region(self) -> str:
        """The region the function is deployed in."""
        return self.arn.split(":")[3]


@dataclass(frozen=True)
class EventSource:
    """A queue that feeds a function; `filters` are event patterns, any of which admits a message."""

    queue_arn: str
    function_arn: str
    batch_size: int = 10
    batching_window_seconds: int = 0
    maximum_concurrency: int | None = None
    reports_failed_items: bool = False
    is_enabled: bool = True
    filters: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_fifo(self) -> bool:
        """Tell whether messages of one group are handed over one batch at a time."""
        return self.queue_arn.endswith(".fifo")


@dataclass(frozen=True)
class AsyncInvocation:
    """What becomes of a function's asynchronous invocations that fail; without a declaration, Lambda's defaults."""

    function_arn: str
    most_retries: int = 2
    on_failure_queue_arn: str | None = None


@dataclass(frozen=True)
class ChatButton:
    """Below which notifications a custom action's button stands, and what its command takes from them."""

    text: str
    notification_type: str
    criteria: tuple[Mapping[str, str], ...]
    variables: Mapping[str, str]


@dataclass(frozen=True)
class ChatAction:
    """A custom action: the command it runs, and its buttons."""

    name: str
    arn: str
    command: str
    buttons: tuple[ChatButton, ...]


@dataclass(frozen=True)
class ChatChannel:
    """A chat channel: the topics it hears, its actions, and what limits whoever is in it."""

    name: str
    account_id: str
    topic_arns: tuple[str, ...]
    role_arn: str
    guardrail_arns: tuple[str, ...]
    actions: tuple[ChatAction, ...]

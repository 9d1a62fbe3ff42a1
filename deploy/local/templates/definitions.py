"""What the runner is told of a function and of a queue that feeds one, as the templates declare them."""

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

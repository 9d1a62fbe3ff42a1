"""Runs the functions of deployed templates: each fed from its queues, or invoked by name, waited for or not."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.local.lambdas.asynchronous import WAITS_SECONDS, AsyncInvoker
from deploy.local.lambdas.invocations import Invocation, Report, WarmFunction
from deploy.local.lambdas.poller import QueuePoller
from deploy.local.templates.account import Account
from deploy.local.templates.definitions import AsyncInvocation, EventSource, FunctionDefinition


class Runner:
    """The Lambda service of all accounts; use it as a context manager, or `start()` and `stop()` it."""

    def __init__(
        self,
        functions: Iterable[FunctionDefinition],
        event_sources: Iterable[EventSource],
        endpoint_url: str,
        logs: Path,
        *,
        extra_environment: Mapping[str, str] | None = None,
        report: Report | None = None,
        async_invocations: Iterable[AsyncInvocation] = (),
        async_waits_seconds: Sequence[float] = WAITS_SECONDS,
    ) -> None:
        """Prepare the functions; nothing runs yet.

        `logs` is a folder for one log file a function; `report` is told of each invocation, from any thread;
        `async_waits_seconds` lie between the tries of asynchronous invocations.
        """
        self._endpoint_url = endpoint_url
        extra = dict(extra_environment or {})
        self._functions = {
            function.arn: WarmFunction(function, endpoint_url, extra, logs, report) for function in functions
        }
        self._sources = [source for source in event_sources if self._is_fed_by(source)]
        self._pollers: list[QueuePoller] = []
        settings = {one.function_arn: one for one in async_invocations}
        self._async = AsyncInvoker(settings, endpoint_url, async_waits_seconds)

    def start(self) -> None:
        """Begin to poll the queues."""
        for source in self._sources:
            account = Account(source.queue_arn.split(":")[4], source.queue_arn.split(":")[3])
            sqs = account.client("sqs", self._endpoint_url)
            self._pollers.append(QueuePoller(source, self._functions[source.function_arn], sqs))
        for poller in self._pollers:
            poller.start()

    def stop(self) -> None:
        """End the polls and all processes; messages being worked on become visible again later."""
        for poller in self._pollers:
            poller.ask_to_stop()
        for function in self._functions.values():
            function.stop()
        self._async.stop()
        for poller in self._pollers:
            poller.join()
        self._pollers.clear()

    def invoke(self, function_name_or_arn: str, event: Any) -> Invocation:
        """Invoke a function directly and wait for it.

        Raises KeyError when there is no such function, or a name is used in several accounts: then give its ARN.
        """
        return self._found(function_name_or_arn).invoke(event)

    def invoke_async(self, function_name_or_arn: str, event: Any) -> str:
        """Have a function invoked, as Lambda does for the invocation type `Event`; return the request's id.

        Raises KeyError as `invoke` does.
        """
        return self._async.take(self._found(function_name_or_arn), event)

    def _found(self, function_name_or_arn: str) -> WarmFunction:
        found = [
            function
            for arn, function in self._functions.items()
            if function_name_or_arn in (arn, function.definition.name)
        ]
        if len(found) != 1:
            raise KeyError(f"{len(found)} functions are called {function_name_or_arn}.")
        return found[0]

    def _is_fed_by(self, source: EventSource) -> bool:
        # A reserved concurrency of 0 switches a function off.
        return source.is_enabled and self._functions[source.function_arn].definition.reserved_concurrency != 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

"""The relay at work: what a test does to it, and what it sees of what becomes of the events.

The database is pytest-django's; all that arrives on the bus is kept in a queue.
"""

import json
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType
from typing import Any, Final

from django.db import connection
from redis import Redis

from dataflows.models import OutboxEvent
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.server import EndpointServer
from deploy.local.clock import EmulatedClock
from deploy.local.processes import wait_until
from deploy.local.servers.redis import RedisServer, start_redis
from deploy.local.state import SHARED_PREFIX, make_shared_folder
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, aws_client
from tests.dataflows.conftest import BUS, create_bus_with_queue
from tests.faults.proxy import FaultProxy
from tests.faults.relay.faulty_eventbridge import FaultyEventBridge
from tests.faults.relay.processes import Processes, inherited_environment
from tests.faults.relay.shown import Seen, seen
from tests.faults.relay.windows import MEASURE, Kill, Record, Victim, Window, arm, records

FIRST_PROPERTY: Final = 700_000
PATIENCE_SECONDS: Final = 90.0
_TASKS: Final = "celery"  # Celery's own name for its queue

Deliveries = dict[str, list[dict[str, Any]]]  # event id → what arrived on the bus under it


@dataclass(frozen=True)
class Death:
    """A process that died, and the data flows that were registered for it."""

    record: Record
    victim: Victim
    property_ids: Sequence[str]
    seen: Seen  # of their events, when nobody had come to take them over


@dataclass
class Relaying:
    """The processes, their broker (a Redis of their own) and their EventBridge; `brokers` were there, one by one."""

    processes: Processes
    broker: RedisServer
    cable: FaultProxy  # to the broker; the processes use it if they were started so
    eventbridge: FaultyEventBridge
    queue_url: str
    deliveries: Deliveries = field(default_factory=dict)
    brokers: int = 1
    _numbers: Iterator[int] = field(default_factory=lambda: count(FIRST_PROPERTY))
    _lengths: dict[tuple[Window, int], int] = field(default_factory=dict)

    def register(self, number: int) -> list[str]:
        """Have so many data flows registered in one transaction; return their property ids."""
        property_ids = [str(next(self._numbers)) for _ in range(number)]
        self.processes.register(property_ids)
        return property_ids

    def kill(self, window: Window, at: float, victim: Victim = "process", number: int = 1) -> Death:
        """Let somebody die at this part (0 to 1) of a window, while so many events are published."""
        length = self._lengths.get((window, number)) or self._armed(Kill(window, MEASURE), number).record.lines
        while True:
            death = self._armed(Kill(window, int(at * length), victim), number)
            self._lengths[window, number] = length
            if death.record.place is not None:
                return death
            length = death.record.lines  # it was shorter this time

    def _armed(self, kill: Kill, number: int) -> Death:
        folder = self.processes.folder
        before = len(records(folder))
        arm(folder, kill)
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            property_ids = self.register(number)
            self._wait_for_record(before, property_ids)
            if told := records(folder)[before:]:
                return Death(told[0], kill.victim, property_ids, seen(property_ids))
            # A relay took them together with events that have had their death: those die once.
        raise AssertionError(f"nobody came through {kill}")

    def _wait_for_record(self, before: int, property_ids: Sequence[str]) -> None:
        folder = self.processes.folder
        wait_until(lambda: len(records(folder)) > before or self._are_published(property_ids), PATIENCE_SECONDS)

    def _are_published(self, property_ids: Sequence[str]) -> bool:
        waiting = OutboxEvent.objects.filter(data_flow__property_id__in=property_ids)
        return not waiting.exclude(state=OutboxEvent.State.PUBLISHED).exists()

    def restart_worker(self) -> None:
        """Start the worker again once it has died, as a supervisor of services does."""
        assert wait_until(lambda: self.processes.worker.exit_code() is not None, PATIENCE_SECONDS)
        self.processes.start_worker()

    def flush_broker(self) -> None:
        """Empty the broker: what it holds is gone."""
        with Redis.from_url(self.broker.url) as client:
            client.flushall()

    def told_to_broker(self) -> int:
        """Return how many tasks the broker holds that no worker has taken."""
        with Redis.from_url(self.broker.url) as client:
            return int(client.llen(_TASKS))

    def kill_broker(self) -> None:
        """Let the broker die by SIGKILL."""
        self.broker.process.popen.kill()
        self.broker.process.popen.wait()

    def freeze_broker(self) -> None:
        """Let the broker keep its connections, and answer no more."""
        self.broker.process.popen.send_signal(signal.SIGSTOP)

    def revive_broker(self) -> None:
        """Let the broker that died or froze go on, where it was."""
        self.broker.process.popen.send_signal(signal.SIGCONT)
        if self.broker.process.exit_code() is not None:
            folder = self.processes.folder
            self.broker = start_redis(folder / "redis", log_path=folder / "redis.log", port=self.broker.port)
            self.brokers += 1

    def stop_broker(self) -> None:
        """Stop the broker, whatever has become of it."""
        self.broker.process.popen.kill()
        self.broker.stop()

    def are_all_published(self, seconds: float) -> bool:
        """Wait until no event is left, at most so many seconds; return whether that came to be."""
        left = OutboxEvent.objects.exclude(state=OutboxEvent.State.PUBLISHED)

        def is_none_left() -> bool:
            self.processes.restart_dead()
            return not left.exists()

        return wait_until(is_none_left, seconds)

    def wait_until_published(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until no event is left; fails when some are not published in so many seconds."""
        assert self.are_all_published(seconds), list(OutboxEvent.objects.values("state", "attempts", "last_error"))

    def take_deliveries(self) -> Deliveries:
        """Return everything that has arrived on the bus so far, by event id."""
        sqs = aws_client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                envelope = json.loads(message["Body"])
                self.deliveries.setdefault(envelope["detail"]["event_id"], []).append(envelope)
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return self.deliveries


@contextmanager
def relaying(
    *,
    bug: str = "none",
    concurrency: int = 1,
    has_beat: bool = True,
    is_as_shipped: bool = False,
    is_cabled: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Relaying]:
    """Start everything, with these settings of MyApp's where they are not the defaults, and stop it at the end.

    With `is_as_shipped` the worker is started without the launcher, with `is_cabled` all reach the broker by a cable
    that can be harmed.
    """
    with ExitStack() as parts:
        folder = make_shared_folder(f"{SHARED_PREFIX}relay-")
        parts.callback(shutil.rmtree, folder)
        broker = start_redis(folder / "redis", log_path=folder / "redis.log")
        eventbridge = FaultyEventBridge(create_endpoint([], EmulatedClock(folder / "clock.json")))
        server = parts.enter_context(EndpointServer(eventbridge))
        cable = parts.enter_context(FaultProxy(broker.port))
        reached = replace(broker, port=cable.port) if is_cabled else broker
        environment = {**_environment(reached.url, server.url), **settings}
        processes = Processes(folder, environment, bug=bug, concurrency=concurrency, is_as_shipped=is_as_shipped)
        parts.callback(processes.stop)
        parts.callback(eventbridge.has_let_go.set)
        relay = Relaying(processes, broker, cable, eventbridge, create_bus_with_queue())
        parts.callback(relay.stop_broker)
        try:
            processes.start_worker()
            if has_beat:
                processes.start_beat()
            relay.register(1)
            relay.wait_until_published()
            yield relay
        except AssertionError as error:
            error.add_note(processes.last_words())
            raise


def _environment(redis_url: str, endpoint_url: str) -> dict[str, str]:
    return {
        **inherited_environment(),
        "DJANGO_SETTINGS_MODULE": "myapp.settings",
        "MYAPP_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        "MYAPP_REDIS_URL": redis_url,
        "MYAPP_EVENT_BUS_NAME": BUS,
        "MYAPP_WAREHOUSE_ACCOUNT_ID": ACCOUNT_2,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT_1,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": REGION_1,
    }

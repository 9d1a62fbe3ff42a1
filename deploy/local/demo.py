"""`make demo`: the whole product on one machine, three websites registered and seven days lived through.

The emulated clock starts seven days ago. The days before come in one back-fill; then the clock runs fast, so
that the last seven come day by day, as in an account. From then on it is the real time.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from dataflows.contracts.events import today_in
from dataflows.contracts.reports import REPORTS
from deploy.local.accounts import GA4_PROFILE
from deploy.local.clock import EmulatedClock
from deploy.local.follow import Follower, station_line
from deploy.local.ga4.demo import DEMO_PROPERTIES, write_demo_properties
from deploy.local.ga4.properties import PropertySettings
from deploy.local.processes import ChildDied, stop_when_told
from deploy.local.servers.errors import ServerError
from deploy.local.stack import LocalStack, NotReadyError
from deploy.local.state import REPOSITORY, LocalState, StateInUse
from deploy.local.templates.errors import TemplateError
from deploy.local.website import RefusedError, Visitor

DAYS: Final = 90
LIVED_DAYS: Final = 7
CLOCK_RATE: Final = 8_640.0  # an emulated day in ten seconds
PEOPLE: Final = ("operator", "analyst", "admin")
_STOPS: Final = (timedelta(hours=1, minutes=30), timedelta(hours=6, minutes=30), timedelta(hours=12, minutes=30))
_ANCHOR_DATE: Final = "anchor-date"
_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 300.0


class DemoError(Exception):
    """The demo can't go on; the message says why."""


@dataclass
class Demo:
    """The demo on a running stack."""

    stack: LocalStack
    follower: Follower
    started_at: float

    def say(self, text: str) -> None:
        """Print a line with the seconds since the start."""
        print(f"[{time.monotonic() - self.started_at:5.1f} s] {text}", flush=True)

    def run(self) -> None:
        """Do all of it, from wherever an earlier run stopped, and stay."""
        anchor_date = _anchor_date(self.stack.state)
        self.stack.start_myapp()
        self.say(f"MyApp answers at {self.stack.app_url}")
        self._make_google_data(anchor_date)
        passwords = self._make_people()
        operator = Visitor(self.stack.app_url)
        operator.log_in("operator", passwords["operator"])
        self._register(operator, anchor_date)
        if self.stack.clock.path.exists():
            self._wait_until(self._is_up_to_date, "the back-fill to be loaded")
            self._live()
        self._serve(operator)
        self._tell_where(passwords)
        self._stay()

    def _make_google_data(self, anchor_date: date) -> None:
        folder = self.stack.google_folder
        self.say(f"making {DAYS} days of events of {len(DEMO_PROPERTIES)} websites")
        write_demo_properties(folder, anchor_date, DAYS + 2)  # east of Greenwich it is tomorrow already
        self.stack.load_properties(folder)

    def _make_people(self) -> dict[str, str]:
        passwords = {name: self.stack.state.secret(f"password-{name}") for name in PEOPLE}
        make_people(self.stack.environment, passwords=passwords)
        return passwords

    def _register(self, operator: Visitor, anchor_date: date) -> None:
        for demo in DEMO_PROPERTIES:
            if demo.settings.property_id not in self.follower.states():
                self.say(f"registering {demo.settings.display_name} through the form")
                operator.register(form_answers(demo.settings, anchor_date))
        ids = [demo.settings.property_id for demo in DEMO_PROPERTIES]
        make_people(self.stack.environment, grants={"analyst": ids})

    def _live(self) -> None:
        """Let the emulated days pass until it is today, each until its runs are loaded; then follow the real time."""
        clock = self.stack.clock
        self.say(f"living through the days since {clock.now():%A %d %B}")
        for moment in stops(clock.now(), datetime.now(UTC)):
            self._live_until(moment)
        clock.follow_real_time()

    def _live_until(self, end: datetime) -> None:
        clock = self.stack.clock
        clock.set(clock.now(), CLOCK_RATE)
        while clock.now() < end:
            self._look()
        clock.set(end, rate=1)
        self.say(f"it is {end:%A %d %B}, {end:%H:%M} UTC")
        self._wait_until(self._is_up_to_date, "the day's numbers to be loaded")

    def _is_up_to_date(self) -> bool:
        """Whether every report reaches what its last run, at four in the morning, could fetch."""
        return not self._missing()

    def _missing(self) -> list[str]:
        """Return what is not loaded up to the day it should be."""
        at, through = self.stack.clock.now() - timedelta(hours=5), self.follower.data_through()
        ends = {
            one.settings.property_id: today_in(one.settings.time_zone, at) - timedelta(1) for one in DEMO_PROPERTIES
        }
        wanted = [(name, slug, end) for name, end in ends.items() for slug in REPORTS]
        return [f"{slug} of {name} on {end}" for name, slug, end in wanted if through.get((name, slug), date.min) < end]

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            self._look()
            if time.monotonic() > deadline:
                missing = ", ".join(self._missing()) or "nothing any more"
                raise DemoError(
                    f"Gave up waiting for {what}; missing: {missing}. The logs are in {self.stack.state.logs}; "
                    "make demo goes on, make clean-local begins anew."
                )

    def _look(self) -> None:
        """Print what has happened, and notice what went wrong."""
        self.stack.supervisor.raise_if_dead()
        for line in self.follower.news():
            self.say(line)
        for property_id, (status, message) in self.follower.states().items():
            if status in ("failed", "undelivered"):
                raise DemoError(f"Property {property_id}: {message}")
        time.sleep(_LOOK_SECONDS)

    def _serve(self, operator: Visitor) -> None:
        """Ask the API for each property's last days: what has come through at the end of the line."""
        through = self.follower.data_through()
        for demo in DEMO_PROPERTIES:
            property_id = demo.settings.property_id
            last = through[property_id, "daily_totals"]
            self.say(station_line("serve", demo.settings.display_name, _served(operator, property_id, last)))

    def _tell_where(self, passwords: Mapping[str, str]) -> None:
        print(f"\n{'Users':9} {', '.join(f'{name} (password {password})' for name, password in passwords.items())}")
        print(f"{'Admin':9} {self.stack.app_url}/admin/")
        print(f"{'API':9} {self.stack.app_url}/api/v1/meta")
        print(f"{'Slack':9} {self.stack.chat_url} (emulated: what the channel would show, with its buttons)")
        print(f"{'AWS':9} {self.stack.endpoint_url} (emulated)")
        print(f"{'Google':9} {self.stack.ga4_url} (emulated)")
        print(f"{'Logs':9} {self.stack.state.logs}")
        print("Ctrl-C stops everything; make demo goes on from there; make clean-local removes it.\n")
        print(f"MyApp is ready at {self.stack.app_url}/", flush=True)

    def _stay(self) -> None:
        while True:
            self.stack.supervisor.raise_if_dead()
            time.sleep(_LOOK_SECONDS)


def set_clock(state: LocalState) -> None:
    """Start the emulated clock where the demo begins, or where it stopped; schedules count from there."""
    clock = EmulatedClock(state.clock)
    path = state.root / _ANCHOR_DATE
    if path.exists():
        if clock.path.exists():
            clock.set(clock.now(), rate=1)
        return
    state.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text((datetime.now(UTC).date() - timedelta(DAYS)).isoformat())
    clock.set(datetime.now(UTC) - timedelta(LIVED_DAYS), rate=1)


def _anchor_date(state: LocalState) -> date:
    """Return the first day of the data, the same for a demo that goes on."""
    return date.fromisoformat((state.root / _ANCHOR_DATE).read_text())


def _served(operator: Visitor, property_id: str, last: date) -> str:
    question = {
        "property_id": property_id,
        "metric": ["sessions", "engagement_rate"],
        "start_date": last - timedelta(LIVED_DAYS - 1),
        "end_date": last,
    }
    (row,) = operator.ask("/api/v1/query", question)["results"]
    metrics = row["metrics"]
    rate = f"engagement rate {metrics['engagement_rate']:.1%}"
    return f"{metrics['sessions']:,} sessions in the {LIVED_DAYS} days to {last}, {rate}"


def stops(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the moments at which the clock waits for what is under way: three a day before `end`, and `end`.

    Each lies between three and a half and four and a half hours after a property's run, at 4 in its morning: the
    sweep that makes up for a run whose flow was moved on too late is behind it, and nothing is taken for late yet.
    """
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield from (stop for stop in (day + after for after in _STOPS) if start < stop < end)
        day += timedelta(1)
    yield end


def make_people(environment: Mapping[str, str], **wanted: Any) -> None:
    """Make users and grants in MyApp's database; see `people.py`."""
    command = [sys.executable, "-m", "deploy.local.people"]
    text = json.dumps(wanted)
    subprocess.run(command, input=text, env=dict(environment), cwd=REPOSITORY, check=True, text=True)


def form_answers(settings: PropertySettings, start_date: date) -> dict[str, Any]:
    """Return what an operator would fill in on the register page."""
    return {
        "property_id": settings.property_id,
        "display_name": settings.display_name,
        "time_zone": settings.time_zone,
        "currency_code": settings.currency_code,
        "connector_profile": GA4_PROFILE,
        "reports": list(REPORTS),
        "start_date": start_date.isoformat(),
        "lookback_days": "4",
        "refresh_hour_local": "4",
        "on_invalid": "drop_record",
    }


def main() -> int:
    """Run the demo until Ctrl-C; return the exit code."""
    stop_when_told()
    started_at = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - started_at:5.1f} s] {text}", flush=True)

    state = LocalState()
    try:
        set_clock(state)
        with LocalStack(state, progress) as stack:
            try:
                Demo(stack, Follower(stack.servers.mariadb), started_at).run()
            finally:
                stack.stop_clock()
    except KeyboardInterrupt:
        print("\nStopped. make demo goes on from here.")
    except (DemoError, NotReadyError, ChildDied, ServerError, StateInUse, TemplateError, RefusedError) as error:
        print(f"make demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The whole line as a person and an administrator see it: forms, the API, MySQL, AppFlow's flows, the logs."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from deploy.local.accounts import WAREHOUSE
from deploy.local.cloud import DATABASE
from deploy.local.demo import form_answers, make_people
from deploy.local.follow import connect
from deploy.local.ga4.demo import write_property
from deploy.local.ga4.generator import generate_property
from deploy.local.ga4.properties import PropertySettings
from deploy.local.processes import wait_until
from deploy.local.redshift.provision import PostgresServer
from deploy.local.stack import LocalStack
from deploy.local.state import REPOSITORY
from deploy.local.website import Visitor
from tests.dataflows.sent import form_as_it_stands

Row = tuple[Any, ...]

_PATIENCE_SECONDS: Final = 180.0  # it takes seconds; a busy machine may need minutes
_TIMEOUT_SECONDS: Final = 30


@dataclass
class Line:
    """A running stack with MyApp's pages; `operator` is logged in, `google` is the folder of Google's properties."""

    stack: LocalStack
    google: Path
    operator: Visitor
    _flow_urls: dict[str, str] = field(default_factory=dict)

    def have_visited(self, settings: PropertySettings, first: date, days: int, events_per_day: int) -> None:
        """Let Google have made-up events of a property, from its day `first` on."""
        shop = settings.property_id, settings.time_zone, settings.currency_code
        events = generate_property(*shop, anchor_date=first, days=days, events_per_day=events_per_day)
        write_property(self.google / settings.property_id, settings, events)
        self.load_google()

    def load_google(self) -> None:
        """Let Google have what is in its folder now."""
        self.stack.load_properties(self.google)

    def register(self, settings: PropertySettings, start_date: date, **answers: Any) -> str:
        """Fill in the register form; return the address of the data flow's page."""
        url = self.operator.register({**form_answers(settings, start_date), **answers})
        self._flow_urls[settings.property_id] = url
        return url

    def edit(self, property_id: str, **answers: Any) -> None:
        """Change these answers on the data flow's edit page, and save it."""
        url = f"{self._flow_urls[property_id]}edit/"
        page = self.operator.session.get(url, timeout=_TIMEOUT_SECONDS)
        self.operator.submit(urlsplit(url).path, {**form_as_it_stands(page.text), **answers})

    def press(self, property_id: str, action: str, /, **answers: str) -> None:
        """Send one of the forms on the data flow's page."""
        page = self.page(property_id)
        token = page.cookies.get("csrftoken") or self.operator.session.cookies["csrftoken"]
        url = f"{self._flow_urls[property_id]}{action}/"
        body = {**answers, "csrfmiddlewaretoken": token}
        answer = self.operator.session.post(url, data=body, timeout=_TIMEOUT_SECONDS)
        assert urlsplit(answer.url).path == urlsplit(self._flow_urls[property_id]).path, answer.url
        assert answer.status_code == requests.codes.ok, answer.text

    def page(self, property_id: str) -> requests.Response:
        """Open the data flow's page as the operator."""
        page = self.operator.session.get(self._flow_urls[property_id], timeout=_TIMEOUT_SECONDS)
        page.raise_for_status()
        return page

    def query(self, **query: Any) -> dict[str, Any]:
        """Ask the API with the analyst's token; numbers come exact. Raises requests.HTTPError when it refuses."""
        answer = self.ask(**query)
        answer.raise_for_status()
        content: dict[str, Any] = json.loads(answer.content, parse_float=Decimal)
        return content

    def ask(self, **query: Any) -> requests.Response:
        """Ask the API with the analyst's token and return the answer, whatever it is."""
        headers = {"Authorization": f"Token {self.token}"}
        url = f"{self.stack.app_url}/api/v1/query"
        return requests.post(url, json=query, headers=headers, timeout=_TIMEOUT_SECONDS)

    @cached_property
    def token(self) -> str:
        """The analyst's API token, made as an administrator makes it."""
        command = [sys.executable, "manage.py", "drf_create_token", "analyst"]
        environment = self.stack.environment
        made = subprocess.run(command, env=environment, cwd=REPOSITORY, check=True, capture_output=True, text=True)
        return made.stdout.split()[2]  # "Generated token … for user analyst"

    def grant(self, *property_ids: str) -> None:
        """Let the analyst read the properties."""
        make_people(self.stack.environment, grants={"analyst": list(property_ids)})

    def mysql(self, statement: str, *parameters: Any) -> list[Row]:
        """Read MySQL as MyApp's own user."""
        with connect(self.stack.servers.mariadb) as session, session.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())

    def flows(self, property_id: str) -> dict[str, str]:
        """Return the property's scheduled AppFlow flows with their status."""
        appflow = WAREHOUSE.client("appflow", self.stack.endpoint_url)
        found = appflow.list_flows(maxResults=100)["flows"]
        mine = [flow for flow in found if flow["flowName"].startswith(f"ga4-{property_id}-")]
        return {flow["flowName"]: flow["flowStatus"] for flow in mine}

    def landing_columns(self, property_id: str) -> list[Row]:
        """Return the warehouse's landing tables of the property, column by column."""
        statement = """
            SELECT table_name, ordinal_position, column_name, data_type, character_maximum_length
            FROM information_schema.columns WHERE table_schema = 'ga4_landing' AND table_name LIKE %s
        """
        with self._warehouse.connect(DATABASE) as session:
            return session.execute(statement, [f"p{property_id}\\_%"]).fetchall()

    def change_warehouse(self, statement: str) -> None:
        """Change the warehouse as its administrator, in PostgreSQL's SQL."""
        with self._warehouse.connect(DATABASE) as session:
            session.execute(statement.encode())

    @property
    def _warehouse(self) -> PostgresServer:
        postgres = self.stack.servers.postgres
        return PostgresServer(postgres.host, postgres.port, postgres.user, postgres.password)

    def publish_again(self, property_id: str, revision: int) -> None:
        """Have MyApp publish the event of a revision once more, as if it had not seen that it was taken."""
        statement = """
            UPDATE dataflows_outboxevent SET state = 'queued', next_attempt_at = created_at
            WHERE detail_type = 'RegisterDataFlow' AND JSON_VALUE(detail, '$.property.property_id') = %s
            AND JSON_VALUE(detail, '$.revision') = %s
        """
        with connect(self.stack.servers.mariadb) as session, session.cursor() as cursor:
            assert cursor.execute(statement, (property_id, revision)) == 1
            session.commit()

    def timeline(self, property_id: str) -> list[Row]:
        """Return what happened to the data flow: (station, status, report) in the order it was recorded."""
        statement = """
            SELECT entry.station, entry.status, entry.report FROM dataflows_timelineentry entry
            JOIN dataflows_dataflow flow ON flow.id = entry.data_flow_id WHERE flow.property_id = %s
            ORDER BY entry.recorded_at
        """
        return self.mysql(statement, property_id)

    def log_lines(self, function: str) -> list[dict[str, Any]]:
        """Return what a Lambda function has logged, as the JSON objects it wrote."""
        logs = self.stack.state.logs.glob(f"*{function}*.log")  # none yet if it was never called
        return [json.loads(line) for log in logs for line in log.read_text().splitlines() if line.startswith("{")]

    def status(self, property_id: str) -> tuple[str, str]:
        """Return how far the data flow has come, and what is said about it."""
        statement = "SELECT status, status_message FROM dataflows_dataflow WHERE property_id = %s"
        status, message = self.mysql(statement, property_id)[0]
        return status, message

    def live_until(self, at: datetime) -> None:
        """Let the emulated time pass, two minutes a second, and stand from then on."""
        clock = self.stack.clock
        clock.set(clock.now(), rate=120)
        self.wait_for(f"the emulated time of {at}", lambda: clock.now() >= at)
        clock.set(clock.now())  # it never runs backwards

    def wait_until_loaded(self, property_id: str, reports: int, through: date) -> None:
        """Wait until so many reports of the property reach the date."""
        statement = """
            SELECT COUNT(*) FROM (SELECT report_id FROM report_partition WHERE property_id = %s
            GROUP BY report_id HAVING MAX(date) >= %s) AS reaching
        """
        self.wait_for(
            f"loading {reports} reports of {property_id} through {through}",
            lambda: self.mysql(statement, property_id, through)[0][0] >= reports,
        )

    def wait_for_status(self, property_id: str, status: str) -> None:
        """Wait until the data flow has come so far."""
        self.wait_for(f"{property_id} being {status}", lambda: self.status(property_id)[0] == status)

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until something is so; fails with `what` when it does not come to pass."""

        def is_so() -> bool:
            self.stack.supervisor.raise_if_dead()
            return condition()

        assert wait_until(is_so, _PATIENCE_SECONDS), f"{what} did not come to pass; logs: {self.stack.state.logs}"

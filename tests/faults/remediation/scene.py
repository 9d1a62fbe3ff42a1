"""What a test of remediation does: lets days pass, presses Retry, and sees what was told and what is loaded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import requests

from dataflows.contracts.incidents import DataFlowIncidentChanged
from deploy.local.accounts import UNLOAD_BUCKET
from tests.aws import ACCOUNT_1, ACCOUNT_2, aws_client
from tests.warehouse.account import Account2
from tests.warehouse.requests import data_flow, run_request
from tests.warehouse.services import PREFIX
from warehouse.buttons import joined

REPORTS: Final = [{"slug": "events"}]
FLOW: Final = "ga4-1001-events"
FIRST_DUE: Final = datetime(2026, 3, 11, 4, tzinfo=UTC)
MOST_ROUNDS: Final = 60


def make_bucket() -> None:
    """Let Account 1 have the bucket and the role that Account 2 unloads with."""
    s3, iam = aws_client("s3"), aws_client("iam", ACCOUNT_1)
    if not any(bucket["Name"] == UNLOAD_BUCKET for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=UNLOAD_BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_2}:root"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    if f"{PREFIX}-unload" not in names:
        iam.create_role(RoleName=f"{PREFIX}-unload", AssumeRolePolicyDocument=policy)


@dataclass
class Scene:
    """One data flow in Account 2, and the news of its incidents."""

    account: Account2
    told: list[DataFlowIncidentChanged] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)  # everything that was answered, as MyApp gets it

    @property
    def data_flow_id(self) -> str:
        return str(data_flow().data_flow_id)

    def register(self, **changes: Any) -> None:
        """Register the data flow, and have its back-fill loaded."""
        assert self.account.send(data_flow(reports=REPORTS, **changes)) == []
        self.settle()

    def pass_until(self, at: datetime, step: timedelta = timedelta(minutes=15)) -> None:
        """Let the time pass: flows run at their hours, the sweep looks every quarter, the windows move on hourly."""
        now = self.account.services.clock.now()
        while now < at:
            before, now = now, min(now + step, at)
            self.account.advance_to(now)
            if now.hour != before.hour:
                self.account.call("advance_windows", {"at": now.isoformat()})
            self.sweep(now)

    def run_daily(self, due_at: datetime = FIRST_DUE) -> None:
        """Let the scheduled flow run at its hour, and what follows from it be done."""
        self.account.advance_to(due_at + timedelta(seconds=5))
        self.settle()

    def sweep(self, at: datetime) -> None:
        """Have the sweep look at a moment that is now, and what follows from it be done."""
        self.account.advance_to(at)
        self.account.sweep(at)
        self.settle()

    def settle(self) -> None:
        """Hand over messages until none is left and no run is at work."""
        for _ in range(MOST_ROUNDS):
            found = self.account.messages("WatchQueueUrl", wait_seconds=1 if self._is_running() else 0)
            if found:
                self.account.call("watch_runs", *found)
            wanted = self.account.messages("RefreshQueueUrl")
            for message in {message["report_table"]: message for message in wanted}.values():
                self.account.call("refresh_reports", message)
            if not (found or wanted or self._is_running()):
                break
        else:
            raise AssertionError("the line does not come to rest")
        self.listen()

    def _is_running(self) -> bool:
        appflow = self.account.client("appflow")
        return any(
            record["executionStatus"] == "InProgress"
            for name in self.account.flows()
            for record in appflow.describe_flow_execution_records(flowName=name)["flowExecutions"]
        )

    def listen(self) -> None:
        """Keep what was told of incidents, each news once, as its readers do."""
        for event in self.account.answer_events():
            self.heard.append(event)
            if event["detail-type"] == "DataFlowIncidentChanged":
                news = DataFlowIncidentChanged.model_validate(event["detail"])
                if news.event_id not in {known.event_id for known in self.told}:
                    self.told.append(news)

    def states(self) -> list[str]:
        """Return the states that were told, in their order."""
        return [news.state.value for news in self.told]

    def incidents(self) -> list[dict[str, Any]]:
        """Return the incidents as they stand."""
        return self.account.rows("SELECT * FROM ga4_ops.incidents ORDER BY since")

    def press_retry(self, requested_by: str = "olivia") -> dict[str, str]:
        """Press Retry below the news that was told last, and let what follows be done."""
        answer: dict[str, str] = self.account.invoke("retry_run", self.retry_payload(requested_by))
        self.settle()
        return answer

    def press_retry_on_the_page(self, at: datetime, incident_id: UUID | None = None) -> None:
        """Ask at a moment as MyApp does when Retry is pressed there, and let what follows be done."""
        news = self.told[-1]
        days = {"start_date": str(news.start_date), "end_date": str(news.end_date)}
        asked = run_request(reports=[news.report], incident_id=incident_id or news.incident_id, **days)
        assert self.account.send(asked, at) == []
        self.settle()

    def answered(self) -> list[tuple[str, str]]:
        """Return the answers to presses of Retry: what came of each, in words too."""
        return [
            (answer["outcome"], answer["message"]) for answer in self.remedies() if answer["outcome"] != "activated"
        ]

    def remedies(self) -> list[dict[str, Any]]:
        """Return what was told of remedies, each news once."""
        found = [event["detail"] for event in self.heard if event["detail-type"] == "DataFlowRemedyReported"]
        return list({remedy["event_id"]: remedy for remedy in found}.values())

    def attempts(self) -> list[str]:
        """Return what was told of why runs on demand began."""
        runs = [event["detail"] for event in self.heard if event["detail-type"] == "DataFlowRunReported"]
        return [run["message"] for run in runs if run["status"] == "started" and run["message"]]

    def retry_payload(self, requested_by: str = "olivia") -> dict[str, str]:
        """Return what the button below the news that was told last sends, with a name as if pressed by hand."""
        news = self.told[-1]
        ids = joined((news.run_id, str(news.incident_id), str(news.data_flow_id)))
        return {"ids": ids, "requested_by": requested_by}

    def days_loaded(self) -> set[date]:
        """Return the days of the report that were unloaded."""
        rows = self.account.rows("SELECT date FROM ga4_ops.partitions WHERE unloaded_at IS NOT NULL")
        return {row["date"] for row in rows}

    def requested_windows(self) -> list[tuple[date, date]]:
        """Return the windows of the runs that were made beside those scheduled and back-filled."""
        return self.account.runs("start_date, end_date", "kind NOT IN ('scheduled', 'backfill')")

    def google(self, **faults: Any) -> None:
        """Let something go wrong, or right again, at Google."""
        url = f"{self.account.services.google.url}/_local/faults"
        requests.post(url, json=faults, timeout=30).raise_for_status()

    def fail_runs(self, number: int, message: str = "Connection reset by peer") -> None:
        """Let so many of the runs that begin next fail with these words."""
        faults = self.account.services.appflow.faults
        faults.fail_message, faults.fail_runs = message, number

    @contextmanager
    def paused_warehouse(self) -> Iterator[None]:
        """Let the warehouse be paused meanwhile."""
        faults = self.account.services.stand_in.faults
        faults.is_paused = True
        try:
            yield
        finally:
            faults.is_paused = False

"""What goes wrong or is done once in a while, so that every right that a role holds is seen to be needed."""

import json
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest
import requests

from deploy.local.accounts import APP, REFRESH_TOKEN, UNLOAD_BUCKET, WAREHOUSE
from deploy.local.ga4.properties import PropertySettings
from tests.pipeline.line import Line
from tests.pipeline.recorded import CUSTOM_ANSWERS, recorded_property, write_recorded
from tests.serving.unloads import UnloadWriter, report_row

YESTERDAY: Final = date(2026, 6, 17)  # as the emulated clock has it
# function → account, output of its stack
QUEUES: Final = {
    "register-data-flow": (WAREHOUSE, "register.fifo"),
    "watch-runs": (WAREHOUSE, "watch"),
    "advance-windows": (WAREHOUSE, "advance"),
    "refresh-reports": (WAREHOUSE, "refresh.fifo"),
    "notify-chat": (WAREHOUSE, "notify"),
    "upsert-report": (APP, "upsert"),
}
CHAT_TOPIC: Final = f"arn:aws:sns:{WAREHOUSE.region}:{WAREHOUSE.account_id}:myapp-chat"
STOPPED_BY_US: Final = "myapp-stopped-at"


def registered(line: Line, property_id: str, **answers: Any) -> PropertySettings:
    """A property with one day, registered and loaded."""
    settings = asked_for(line, property_id, **answers)
    line.wait_until_loaded(property_id, 1, YESTERDAY)
    return settings


def asked_for(line: Line, property_id: str, **answers: Any) -> PropertySettings:
    """A property with one day, registered."""
    settings = recorded_property(property_id)
    write_recorded(line.google, settings, {"20260617": {"/a": 3}})
    line.load_google()
    line.register(settings, YESTERDAY, **{**CUSTOM_ANSWERS, **answers})
    return settings


def failing(line: Line, property_id: str, message: str) -> PropertySettings:
    """A property whose only run has failed so, of which an incident tells."""
    appflow_faults(line, fail_runs=1, fail_message=message)
    settings = asked_for(line, property_id)
    line.wait_for("the incident", lambda: incident_states(line, property_id) == ["open"])
    return settings


def appflow_faults(line: Line, **faults: Any) -> None:
    """Ask AppFlow for faults."""
    url = f"{line.stack.endpoint_url}/_local/appflow/faults"
    requests.post(url, json=faults, timeout=30).raise_for_status()


def google_faults(line: Line, **faults: str) -> None:
    """Ask Google for a fault, or its end."""
    requests.post(f"{line.stack.ga4_url}/_local/faults", json=faults, timeout=30).raise_for_status()


def send(line: Line, function: str, body: str) -> None:
    """Put a message on the queue that feeds a function."""
    account, name = QUEUES[function]
    sqs = account.client("sqs", line.stack.endpoint_url)
    fifo = {"MessageGroupId": "test", "MessageDeduplicationId": body} if name.endswith(".fifo") else {}
    url = sqs.get_queue_url(QueueName=f"myapp-{name}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body, **fifo)


def sweep(line: Line) -> None:
    """Have the watch function look after everything now, as its schedule does."""
    send(line, "watch-runs", json.dumps({"sweep": True, "at": line.stack.clock.now().isoformat()}))


def incident_states(line: Line, property_id: str) -> list[str]:
    """Return how the data flow's incidents stand."""
    statement = """
        SELECT incident.state FROM dataflows_dataflowincident incident
        JOIN dataflows_dataflow flow ON flow.id = incident.data_flow_id WHERE flow.property_id = %s
    """
    return [state for (state,) in line.mysql(statement, property_id)]


def logged(line: Line, function: str, message: str, **values: Any) -> bool:
    """Whether a function has written such a line to its log."""
    wanted = {"message": message, **values}
    return any(wanted.items() <= found.items() for found in line.log_lines(function))


def logged_text(line: Line, function: str, text: str) -> bool:
    """Whether a function's log holds a text."""
    return any(text in json.dumps(found) for found in line.log_lines(function))


@pytest.mark.slow
def test_an_edited_definition_is_given_to_flows_that_must_be_stopped_for_it(line: Line) -> None:
    settings = registered(line, "421000021")
    flows = line.flows(settings.property_id)
    appflow_faults(line, refuse_updates=1)

    line.edit(settings.property_id, refresh_hour_local="5")
    edited = {"property_id": settings.property_id, "revision": 2}
    line.wait_for("the edit", lambda: logged(line, "register", "registered", **edited))

    assert line.flows(settings.property_id) == flows
    assert set(flows.values()) == {"Active"}


@pytest.mark.slow
def test_flows_are_moved_on_to_their_next_day_and_one_that_cannot_be_is_told(line: Line) -> None:
    refused, stopped = (registered(line, f"42100003{hour}", refresh_hour_local=f"1{hour}") for hour in (2, 3))
    line.live_until(datetime(2026, 6, 18, 13, 2, tzinfo=UTC))

    google_faults(line, revoke_refresh_token=REFRESH_TOKEN)
    line.stack.clock.set(datetime(2026, 6, 18, 18, 28, tzinfo=UTC))
    line.live_until(datetime(2026, 6, 18, 18, 31, tzinfo=UTC))
    line.wait_for("the refusal", lambda: logged(line, "advance", "not advanced", reason="reconnect_required"))

    google_faults(line, renew_refresh_token=REFRESH_TOKEN)
    appflow_faults(line, refuse_updates=1)
    line.stack.clock.set(datetime(2026, 6, 18, 19, 28, tzinfo=UTC))
    line.live_until(datetime(2026, 6, 18, 19, 31, tzinfo=UTC))
    (name,) = line.flows(stopped.property_id)
    line.wait_for("the flow being moved on", lambda: logged(line, "advance", "advanced", appflow_flow_name=name))

    assert line.flows(stopped.property_id) == {name: "Active"}
    assert "Renew the connection profile" in line.page(refused.property_id).text


def test_a_flow_that_a_broken_off_change_left_stopped_is_started_by_the_sweep(line: Line) -> None:
    settings = registered(line, "421000023")
    (name,) = line.flows(settings.property_id)
    appflow = WAREHOUSE.client("appflow", line.stack.endpoint_url)
    arn = appflow.describe_flow(flowName=name)["flowArn"]
    stopped_at = line.stack.clock.now() - timedelta(hours=1)
    appflow.tag_resource(resourceArn=arn, tags={STOPPED_BY_US: stopped_at.isoformat()})
    appflow.stop_flow(flowName=name)

    sweep(line)

    line.wait_for("the flow being started", lambda: line.flows(settings.property_id) == {name: "Active"})


def test_days_are_read_again_by_themselves_once_the_connection_answers(line: Line) -> None:
    settings = failing(line, "421000024", "invalid_grant: Token has been expired or revoked.")

    line.stack.clock.set(line.stack.clock.now() + timedelta(minutes=20))
    sweep(line)

    line.wait_for("its end", lambda: incident_states(line, settings.property_id) == ["resolved"])


def test_an_unload_in_quarantine_is_mended_and_loaded_again(line: Line) -> None:
    settings = registered(line, "421000025")
    writer = UnloadWriter.of(APP.client("s3", line.stack.endpoint_url), UNLOAD_BUCKET, "custom", 1)
    [(report_id, generation)] = line.mysql(
        "SELECT report_id, generation FROM report_partition WHERE property_id = %s", settings.property_id
    )
    named = {"report_id": report_id}
    rows = [report_row(writer.table, settings.property_id, YESTERDAY, [path], **named) for path in ("/a", "/b")]
    rows.sort(key=lambda row: str(row["dimension_hash"]))  # as Redshift unloads them
    partition = (settings.property_id, report_id, YESTERDAY)
    writer.write_data(rows[:1])
    writer.write_control(writer.control_rows(rows, {partition: generation + 1}))
    in_quarantine = "SELECT id FROM report_quarantine WHERE resolved_at IS NULL"
    line.wait_for("the quarantine", lambda: len(line.mysql(in_quarantine)) == 1)
    [(unload,)] = line.mysql(in_quarantine)
    writer.write_data(rows)

    line.press(settings.property_id, f"quarantine/{unload}")

    line.wait_for("the load", lambda: line.mysql(in_quarantine) == [])


@pytest.mark.parametrize("function", QUEUES)
def test_a_message_that_nobody_can_read_is_given_back_to_come_again_soon(line: Line, function: str) -> None:
    send(line, function, "no JSON")

    line.wait_for("the message being given back", lambda: logged(line, function, "given back"))


def test_news_that_the_channel_does_not_take_is_told_again(line: Line) -> None:
    sns = WAREHOUSE.client("sns", line.stack.endpoint_url)
    sns.delete_topic(TopicArn=CHAT_TOPIC)
    settings = failing(line, "421000026", "PERMISSION_DENIED: User does not have sufficient permissions.")
    [(incident,)] = line.mysql(
        "SELECT incident.incident_id FROM dataflows_dataflowincident incident "
        "JOIN dataflows_dataflow flow ON flow.id = incident.data_flow_id WHERE flow.property_id = %s",
        settings.property_id,
    )
    is_refused = partial(logged_text, line, "notify", "publish the message")
    line.wait_for("the topic being missed", is_refused)

    sns.create_topic(Name=CHAT_TOPIC.rpartition(":")[2])

    told = {"incident_id": str(UUID(str(incident))), "state": "open"}
    line.wait_for("the news being told", lambda: logged(line, "notify", "told", **told))

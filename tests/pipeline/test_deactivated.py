"""A flow that AppFlow has deactivated is activated by somebody in the channel."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from deploy.local.accounts import REFRESH_TOKEN, WAREHOUSE
from deploy.local.ga4.properties import PropertySettings
from tests.pipeline.line import Line
from tests.pipeline.test_channel import google, page, press

SHOP: Final = PropertySettings(
    property_id="421000031", display_name="Deactivated", time_zone="Europe/Berlin", currency_code="EUR"
)
IS_REAL_TIME: Final = True  # who presses a button in the channel does so then
REASON: Final = "ConnectorAuthentication: invalid_grant: Token has been expired or revoked."


def appflow_says(line: Line, detail_type: str, detail: dict[str, Any]) -> None:
    """Put AppFlow's event on the default bus's queue, as its rule does."""
    event = {
        "id": str(uuid4()),
        "version": "0",
        "source": "aws.appflow",
        "account": WAREHOUSE.account_id,
        "region": WAREHOUSE.region,
        "detail-type": detail_type,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resources": [],
        "detail": detail,
    }
    sqs = WAREHOUSE.client("sqs", line.stack.endpoint_url)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="myapp-watch")["QueueUrl"], MessageBody=json.dumps(event))


@pytest.mark.slow
def test_retry_in_the_channel_activates_the_flow(line: Line) -> None:
    first = datetime.now(UTC).date() - timedelta(5)
    line.have_visited(SHOP, first, days=5, events_per_day=20)
    line.register(SHOP, first, reports=["pages"])
    line.wait_until_loaded(SHOP.property_id, 1, first + timedelta(3))
    (name,) = line.flows(SHOP.property_id)
    google(line, revoke_refresh_token=REFRESH_TOKEN)  # so that nobody but who presses Retry activates it
    WAREHOUSE.client("appflow", line.stack.endpoint_url).stop_flow(flowName=name)

    appflow_says(line, "AppFlow Scheduled Flow Deactivated", {"flow-name": name, "deactivation-reason": REASON})
    line.wait_for("the incident in the channel", lambda: "Retry run" in page(line))
    assert line.flows(SHOP.property_id) != {name: "Active"}
    press(line, "Retry run")

    line.wait_for("the flow being active", lambda: line.flows(SHOP.property_id) == {name: "Active"})

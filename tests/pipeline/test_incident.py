"""An incident through both accounts: a run is refused, the page says so, Retry is pressed, and the days are there."""

from datetime import date
from typing import Any, Final
from uuid import UUID

import pytest
import requests

from deploy.local.ga4.properties import PropertySettings
from tests.pipeline.line import Line

SHOP: Final = PropertySettings(
    property_id="421000009", display_name="Refused", time_zone="Europe/Berlin", currency_code="EUR"
)
FIRST_DAY, LAST_DAY = date(2026, 6, 15), date(2026, 6, 17)
REFUSAL: Final = "ConnectorAuthentication: PERMISSION_DENIED: User does not have sufficient permissions."


def incident(line: Line) -> tuple[str, str, str, str]:
    """Return the id, state, cause and asker of the data flow's only incident; empty texts while there is none."""
    statement = """
        SELECT incident.incident_id, incident.state, incident.cause, incident.requested_by
        FROM dataflows_dataflowincident incident JOIN dataflows_dataflow flow ON flow.id = incident.data_flow_id
        WHERE flow.property_id = %s
    """
    found = line.mysql(statement, SHOP.property_id)
    assert len(found) <= 1
    return (str(UUID(str(found[0][0]))), *found[0][1:]) if found else ("", "", "", "")


@pytest.mark.slow
def test_refused_run_is_told_on_the_page_and_mended_by_retry(line: Line) -> None:
    line.have_visited(SHOP, FIRST_DAY, days=4, events_per_day=30)
    faults: dict[str, Any] = {"fail_runs": 1, "fail_message": REFUSAL}
    requests.post(f"{line.stack.endpoint_url}/_local/appflow/faults", json=faults, timeout=30).raise_for_status()

    line.register(SHOP, FIRST_DAY)
    line.wait_for("the incident", lambda: incident(line)[1:3] == ("open", "permission"))
    page = line.page(SHOP.property_id).text
    assert REFUSAL in page
    assert "the role Viewer on the property" in page

    incident_id = incident(line)[0]
    line.press(SHOP.property_id, f"incidents/{incident_id}/retry")
    line.wait_for("its end", lambda: incident(line)[1] == "resolved")

    assert incident(line)[3] == "operator"
    line.wait_until_loaded(SHOP.property_id, 5, LAST_DAY)
    page = line.page(SHOP.property_id).text
    assert "What to do" not in page
    assert "Recovered" in page

"""MyApp's application as far as it registers: a line on stdin names property ids, registered in one transaction.

Each line is answered on stdout once that is committed and the broker has been told.
"""

import json
import sys

from django.contrib.auth.models import User
from django.db import transaction

from dataflows.models import DataFlow
from dataflows.services import data_flow_register
from deploy.local.accounts import GA4_PROFILE
from tests.dataflows.contracts.definitions import register_detail


def main() -> None:
    """Register until stdin ends."""
    user, _ = User.objects.get_or_create(username="operator")
    for line in sys.stdin:
        with transaction.atomic():
            for property_id in json.loads(line):
                data_flow_register(data_flow=_data_flow(property_id), user=user)
        print(line, end="", flush=True)  # noqa: T201 - the answer


def _data_flow(property_id: str) -> DataFlow:
    detail = register_detail(connector_profile=GA4_PROFILE, start_date="2026-01-01")
    names = ("connector_profile", "reports", "start_date", "lookback_days", "refresh_hour_local", "on_invalid")
    return DataFlow(**{**detail["property"], "property_id": property_id}, **{name: detail[name] for name in names})

"""Data flows' pages in an operator's browser."""

import html
import re
from collections.abc import Iterable
from typing import Final

from django.contrib.auth.models import Group, User
from django.test import Client

from dataflows.models import DataFlow

_STATE: Final = re.compile(r'id="state".*?<span class="status [^"]*">(.*?)</span>', re.DOTALL)


def operators_pages() -> Client:
    """Return a browser in which the operator has logged in."""
    operator, _ = User.objects.get_or_create(username="operator")
    operator.groups.add(Group.objects.get(name="operator"))
    client = Client()
    client.force_login(operator)
    return client


def page_of(pages: Client, property_id: str) -> str:
    """Return the page of a property's data flow."""
    data_flow = DataFlow.objects.get(property_id=property_id)
    answer = pages.get(f"/data-flows/{data_flow.id}/")
    assert answer.status_code == 200, answer
    return answer.content.decode()


def statuses_on_pages(pages: Client, property_ids: Iterable[str]) -> list[str]:
    """Return the status at the top of each data flow's page."""
    found = (_STATE.search(page_of(pages, property_id)) for property_id in property_ids)
    return [html.unescape(status[1]) if status else "none" for status in found]

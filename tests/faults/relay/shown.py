"""What an operator is shown of events on their way to EventBridge."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.test import Client

from dataflows.models import DataFlow, OutboxEvent
from tests.faults.pages import page_of

Seen = Counter[tuple[str, str]]  # (whether the event is marked, in the outbox's words; the status shown beside it)

WAITING: Final = ("Queued", "Queued")
MARKED: Final = ("Published", "Published")

_PUBLISHED: Final = re.compile(
    r'"station">Publish</span>\s*<span class="what">\s*<strong>Published</strong>.*?<time datetime="(.*?)">',
    re.DOTALL,
)


def seen(property_ids: Sequence[str]) -> Seen:
    """Return how many events of these properties are in which state, beside what is shown; of one moment."""
    found = OutboxEvent.objects.filter(data_flow__property_id__in=property_ids)
    words = dict(OutboxEvent.State.choices), dict(DataFlow.Status.choices)
    return Counter(
        (str(words[0][state]), str(words[1][status]))
        for state, status in found.values_list("state", "data_flow__status")
    )


def published_on_page(pages: Client, property_id: str) -> list[datetime]:
    """Return each moment at which the timeline on a data flow's page says that it was published."""
    return [datetime.fromisoformat(at) for at in _PUBLISHED.findall(page_of(pages, property_id))]

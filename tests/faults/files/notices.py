"""What an operator is shown of unloads that were not loaded."""

import html
import re
from typing import Final

from django.contrib.auth.models import User
from django.test import Client

from dataflows.models import DataFlow
from tests.dataflows.conftest import unsaved_data_flow
from tests.faults.files.unloaded import TABLE

SHOWN_AT_ONCE: Final = 20
MORE: Final = "There are older ones"

_NOTICE: Final = re.compile(r'<div class="notice notice-error">(.*?)</div>', re.DOTALL)
_PLACE: Final = re.compile(r"Its files are kept under (\S+)\.")


class Notices:
    """The page of a data flow with the report that the unloads hold, in an operator's browser."""

    def __init__(self, operator: User) -> None:
        data_flow: DataFlow = unsaved_data_flow(reports=[{"slug": TABLE.name}], created_by=operator)
        data_flow.save(force_insert=True)
        self._address = f"/data-flows/{data_flow.id}/"
        self._browser = Client()
        self._browser.force_login(operator)

    def shown(self) -> dict[str, str]:
        """Return the notices on the page, as text, by the manifest that each names."""
        texts = [as_text(re.sub(r"<[^>]+>", "", notice)) for notice in _NOTICE.findall(self._page())]
        return {place[1]: text for text in texts if (place := _PLACE.search(text))}

    def say_there_are_more(self) -> bool:
        """Return whether the page says that it does not show all."""
        return MORE in self._page()

    def _page(self) -> str:
        answer = self._browser.get(self._address)
        assert answer.status_code == 200, answer
        return answer.content.decode()


def as_text(markup: str) -> str:
    """Return what a browser shows of a text without elements."""
    return " ".join(html.unescape(markup).split())

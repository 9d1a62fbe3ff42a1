"""What a browser without scripts would send of a page's form, as it stands."""

from collections.abc import Sequence
from html.parser import HTMLParser

Attributes = Sequence[tuple[str, str | None]]


def form_as_it_stands(page: str) -> dict[str, list[str]]:
    """Return the values of all fields of the page's forms, by name; what is disabled or a template is left out."""
    reader = _Reader()
    reader.feed(page)
    return reader.values


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._is_in_template = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "template":
            self._is_in_template = True
        elif tag == "select":
            self._select = found["name"]
        elif tag == "option" and "selected" in found:
            self._add(self._select, found["value"])
        elif tag == "input" and "disabled" not in found and self._is_sent(found):
            self._add(found["name"], found.get("value", "on" if found.get("type") == "checkbox" else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._is_in_template = False

    def _add(self, name: str, value: str) -> None:
        if not self._is_in_template:
            self.values.setdefault(name, []).append(value)

    def _is_sent(self, found: dict[str, str]) -> bool:
        return "name" in found and (found.get("type") != "checkbox" or "checked" in found)

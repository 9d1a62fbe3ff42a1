"""The edit page as a whole: the definition of a registered data flow, and what has become of it meanwhile."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from django.contrib.auth.models import AbstractUser
from django.utils.formats import date_format

from dataflows.contracts import ga4
from dataflows.contracts.changes import REDEFINED, redefined_reports
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import CustomReport
from dataflows.definitions import CHANGEABLE, definition_of
from dataflows.forms import EditForm
from dataflows.models import DataFlow, TimelineEntry
from dataflows.registration import Registration
from dataflows.row_forms import CustomReportForm, filter_words
from dataflows.selectors import asked_since, custom_reports_ever_asked, registered_reports
from dataflows.services import data_flow_change

_SHOWN_REQUESTS: Final = 5


class Edit(Registration):
    """What an operator makes of a registered data flow; `made_from` is the revision that they saw."""

    def __init__(self, registered: DataFlow, data: Mapping[str, Any] | None = None) -> None:
        self.registered = registered
        self.made_from = registered.revision if data is None else _number(data.get("revision", ""))
        self.refusal = ""
        self.asked_meanwhile: list[TimelineEntry] = []
        self.differences: list[tuple[str, str]] = []
        super().__init__(
            data,
            EditForm(data, initial=_main_fields(registered)),
            [_custom_report_fields(request["custom"]) for request in registered.reports if request.get("custom")],
            [{**asked, "values": ", ".join(asked["values"])} for asked in registered.filters],
        )

    def save(self, user: AbstractUser) -> DataFlow | None:
        """Save what was filled in; None, and the page says why, when something has to be mended first."""
        asked = self.data_flow()
        if asked is None:
            return None
        try:
            return data_flow_change(data_flow_id=self.registered.id, asked=asked, made_from=self.made_from, user=user)
        except InvalidDataFlowError as error:
            self._show_refusal(str(error), asked)
            return None

    def focus(self) -> None:
        """Let the page open at the first field, unless it has to say first why nothing was saved."""
        if not self.refusal:
            super().focus()

    def _show_refusal(self, words: str, asked: DataFlow) -> None:
        """Keep what was typed, and tell what is saved now: sent once more, the page is made from that."""
        self.refusal = words
        self.registered.refresh_from_db()
        self.asked_meanwhile = asked_since(self.registered, self.made_from, limit=_SHOWN_REQUESTS)
        self.differences = [
            (self._label(name), _words(self.registered, name))
            for name in CHANGEABLE
            if getattr(asked, name) != getattr(self.registered, name)
        ]
        self.made_from = self.registered.revision

    def _label(self, name: str) -> str:
        return str(self.form.fields[name].label) if name in self.form.fields else "Filter"

    @cached_property
    def _reports_before(self) -> list[CustomReport]:
        return custom_reports_ever_asked(self.registered)

    def _custom_report(self, form: CustomReportForm) -> CustomReport:
        """Return the report as it was before, if only the order of its fields differs: that decides their slots."""
        asked = super()._custom_report(form)
        return next((report for report in reversed(self._reports_before) if _is_alike(report, asked)), asked)

    def _keeps_contract(self, data_flow: DataFlow) -> bool:
        redefined = [form for form in self._filled_reports() if self._is_redefined(form)]
        keeps = super()._keeps_contract(data_flow)
        for form in redefined:  # told last: a field with an error is no longer among what was filled in
            form.add_error("name", REDEFINED)
        return keeps and not redefined

    def _is_redefined(self, form: CustomReportForm) -> bool:
        return bool(redefined_reports(self._reports_before, [self._custom_report(form)]))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _main_fields(data_flow: DataFlow) -> dict[str, Any]:
    definition = definition_of(data_flow)
    slugs = [request["slug"] for request in data_flow.reports if request.get("slug")]
    return {**definition, **definition["property"], "reports": slugs}


def _custom_report_fields(custom: Mapping[str, Any]) -> dict[str, Any]:
    names = {kind: [name for name in custom[kind] if name != ga4.DATE] for kind in ("dimensions", "metrics")}
    listed = {kind: [name for name in names[kind] if name in ga4.FIELDS] for kind in names}
    own = {f"custom_{kind}": [name for name in names[kind] if name not in ga4.FIELDS] for kind in names}
    return {"name": custom["name"], **listed, **own}


def _is_alike(one: CustomReport, other: CustomReport) -> bool:
    """Return whether two custom reports have the same name and the same fields, in any order."""
    return one.name == other.name and _fields(one) == _fields(other)


def _fields(report: CustomReport) -> tuple[set[str], set[str]]:
    return set(report.dimensions) - {ga4.DATE}, set(report.metrics)


def _words(data_flow: DataFlow, name: str) -> str:
    """Return what is saved of a field, in words."""
    if name == "reports":
        return ", ".join(report.label for report in registered_reports(data_flow))
    if name == "filters":
        return "; ".join(filter_words(asked) for asked in data_flow.filters) or "None"
    if name == "on_invalid":
        return data_flow.get_on_invalid_display()
    value = getattr(data_flow, name)
    return date_format(value, "j M Y") if name == "start_date" else str(value)

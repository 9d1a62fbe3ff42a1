"""The register page as a whole: the main form, custom reports and filters, checked together.

Each form checks its own fields, the contract checks what they make together; what it refuses is
shown beside the field it speaks of.
"""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.forms import BoundField
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import check_size
from dataflows.definitions import register_event
from dataflows.forms import RegisterForm
from dataflows.models import DataFlow
from dataflows.row_forms import CustomReportForm, DimensionFilterForm

MAX_ROWS: Final = 10

CustomReportFormSet = forms.formset_factory(CustomReportForm, extra=1, max_num=MAX_ROWS, absolute_max=MAX_ROWS)
DimensionFilterFormSet = forms.formset_factory(DimensionFilterForm, extra=1, max_num=MAX_ROWS, absolute_max=MAX_ROWS)
_ROWS_WORDS: Final = {
    "missing_management_form": "This part of the page did not arrive whole. Load it anew and fill it in again.",
    "too_many_forms": f"Describe at most {MAX_ROWS}.",
}


class Registration:
    """What an operator filled in, or is about to."""

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        self.form = RegisterForm(data)
        self.custom_reports = CustomReportFormSet(data, prefix="custom", error_messages=_ROWS_WORDS)
        self.filters = DimensionFilterFormSet(data, prefix="filter", error_messages=_ROWS_WORDS)

    def data_flow(self) -> DataFlow | None:
        """Return the data flow that is asked for, unsaved; None when something has to be mended first."""
        parts_valid = [self.form.is_valid(), self.custom_reports.is_valid(), self.filters.is_valid()]
        if not all(parts_valid):
            return None
        asked = self.form.cleaned_data
        data_flow = DataFlow(
            **{name: asked[name] for name in asked if name != "reports"},
            reports=[*self._declared_reports(), *(self._custom_report(form) for form in self._filled_reports())],
            filters=[self._filter(form) for form in self._filled_filters()],
        )
        return data_flow if self._keeps_contract(data_flow) else None

    def bad_fields(self) -> list[BoundField]:
        """Return the fields that have errors, in the order of the page."""
        forms_in_order = (self.form, *self.custom_reports.forms, *self.filters.forms)
        return [field for form in forms_in_order for field in form if field.errors]

    def focus(self) -> None:
        """Let the page open at the first field to mend, or the first of all."""
        first = next(iter(self.bad_fields()), self.form["property_id"])
        first.field.widget.attrs["autofocus"] = True

    def _declared_reports(self) -> list[dict[str, Any]]:
        return [{"slug": slug} for slug in self.form.cleaned_data["reports"]]

    def _filled_reports(self) -> list[CustomReportForm]:
        return [form for form in self.custom_reports.forms if form.cleaned_data.get("name")]

    def _filled_filters(self) -> list[DimensionFilterForm]:
        return [form for form in self.filters.forms if form.cleaned_data.get("dimension")]

    def _custom_report(self, form: CustomReportForm) -> dict[str, Any]:
        dimensions, metrics = form.report_fields
        return {"custom": {"name": form.cleaned_data["name"], "dimensions": dimensions, "metrics": metrics}}

    def _filter(self, form: DimensionFilterForm) -> dict[str, Any]:
        return {name: form.cleaned_data[name] for name in ("dimension", "operator", "values")}

    def _keeps_contract(self, data_flow: DataFlow) -> bool:
        """Check the event this would send."""
        try:
            check_size(register_event(data_flow, correlation_id=data_flow.id, requested_by="form"))
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                form, field = self._place(problem)
                form.add_error(field, _words(problem))
            return False
        except InvalidDataFlowError as error:  # only a filter's values can be that long
            self._longest_filter().add_error("values", str(error))
            return False
        return True

    def _place(self, problem: ErrorDetails) -> tuple[forms.Form, str]:
        """Return the form and the field beside which the contract's complaint belongs."""
        where = problem["loc"]
        if problem["type"] == "filter_not_in_report":
            return self._filter_on(problem["ctx"]["name"]), "dimension"
        if problem["type"] == "repeated_report":
            return self._repeated_report(), "name"
        if where[0] == "filters":
            return _named(self._filled_filters()[int(where[1])], where, "dimension")
        number = int(where[1]) - len(self._declared_reports()) if where[0] == "reports" and len(where) > 1 else -1
        if number >= 0:
            return _named(self._filled_reports()[number], where, "name")
        return _named(self.form, where, "reports")

    def _longest_filter(self) -> DimensionFilterForm:
        return max(self._filled_filters(), key=lambda form: len("".join(form.cleaned_data["values"]).encode()))

    def _filter_on(self, dimension: str) -> DimensionFilterForm:
        return next(form for form in self._filled_filters() if form.cleaned_data["dimension"] == dimension)

    def _repeated_report(self) -> CustomReportForm:
        filled = self._filled_reports()
        names = [form.cleaned_data["name"] for form in filled]
        return next(form for number, form in enumerate(filled) if names[number] in names[:number])


def _named(form: forms.Form, where: tuple[int | str, ...], otherwise: str) -> tuple[forms.Form, str]:
    return form, next((str(step) for step in reversed(where) if step in form.fields), otherwise)


def _words(problem: ErrorDetails) -> str:
    if problem["type"] == "too_short" and problem["loc"] == ("reports",):
        return "Choose at least one report, or describe one of your own."
    return problem["msg"]

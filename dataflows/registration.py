"""A definition as it is filled in: the main form, custom reports and filters, checked together.

Each form checks its own fields, the contract checks what they make together; what it refuses is
shown beside the field it speaks of.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from django import forms
from django.forms import BaseFormSet, BoundField
from django.forms.formsets import DELETION_FIELD_NAME
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import CustomReport, check_size
from dataflows.definitions import register_event
from dataflows.forms import DefinitionForm, RegisterForm
from dataflows.models import DataFlow
from dataflows.row_forms import CustomReportForm, DimensionFilterForm

_Row = TypeVar("_Row", bound=forms.Form)

MAX_ROWS: Final = 10


def _rows_of(form: type[_Row]) -> "type[BaseFormSet[_Row]]":
    """Return a formset of one spare row; rows that were there before can be taken out."""
    return forms.formset_factory(
        form, extra=1, max_num=MAX_ROWS, absolute_max=MAX_ROWS, can_delete=True, can_delete_extra=False
    )


CustomReportFormSet = _rows_of(CustomReportForm)
DimensionFilterFormSet = _rows_of(DimensionFilterForm)
_ROWS_WORDS: Final = {
    "missing_management_form": "This part of the page did not arrive whole. Load it anew and fill it in again.",
    "too_many_forms": f"Describe at most {MAX_ROWS}.",
}


class Registration:
    """What an operator filled in, or is about to: in `form`, and in rows that may be there already."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        form: DefinitionForm | None = None,
        custom_reports: Sequence[Mapping[str, Any]] = (),
        filters: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.form = form or RegisterForm(data)
        self.custom_reports = CustomReportFormSet(
            data, prefix="custom", initial=custom_reports, error_messages=_ROWS_WORDS
        )
        self.filters = DimensionFilterFormSet(data, prefix="filter", initial=filters, error_messages=_ROWS_WORDS)

    def data_flow(self) -> DataFlow | None:
        """Return the data flow that is asked for, unsaved; None when something has to be mended first."""
        parts_valid = [self.form.is_valid(), self.custom_reports.is_valid(), self.filters.is_valid()]
        if not all(parts_valid):
            return None
        asked = self.form.cleaned_data
        data_flow = DataFlow(
            **{name: asked[name] for name in asked if name != "reports"},
            reports=[*self._declared_reports(), *self._custom_reports()],
            filters=[self._filter(form) for form in self._filled_filters()],
        )
        return data_flow if self._keeps_contract(data_flow) else None

    def bad_fields(self) -> list[BoundField]:
        """Return the fields that have errors, in the order of the page."""
        forms_in_order = (self.form, *_kept(self.custom_reports), *_kept(self.filters))
        return [field for form in forms_in_order for field in form if field.errors]

    def focus(self) -> None:
        """Let the page open at the first field to mend, or the first that can be filled in."""
        first = next(field for field in (*self.bad_fields(), *self.form) if not field.field.disabled)
        first.field.widget.attrs["autofocus"] = True

    def has_custom_reports(self) -> bool:
        """Return whether any is there, or was begun."""
        return any(form.initial or form.has_changed() for form in self.custom_reports.forms)

    def _declared_reports(self) -> list[dict[str, Any]]:
        return [{"slug": slug} for slug in self.form.cleaned_data["reports"]]

    def _filled_reports(self) -> list[CustomReportForm]:
        return [form for form in _kept(self.custom_reports) if form.cleaned_data.get("name")]

    def _filled_filters(self) -> list[DimensionFilterForm]:
        return [form for form in _kept(self.filters) if form.cleaned_data.get("dimension")]

    def _custom_reports(self) -> list[dict[str, Any]]:
        return [{"custom": self._custom_report(form).model_dump(mode="json")} for form in self._filled_reports()]

    def _custom_report(self, form: CustomReportForm) -> CustomReport:
        dimensions, metrics = form.report_fields
        return CustomReport(name=form.cleaned_data["name"], dimensions=tuple(dimensions), metrics=tuple(metrics))

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


def _kept(rows: "BaseFormSet[_Row]") -> list[_Row]:
    """Return the rows that are not to be taken out."""
    return [form for form in rows.forms if not (form.is_bound and form.cleaned_data.get(DELETION_FIELD_NAME))]


def _named(form: forms.Form, where: tuple[int | str, ...], otherwise: str) -> tuple[forms.Form, str]:
    return form, next((str(step) for step in reversed(where) if step in form.fields), otherwise)


def _words(problem: ErrorDetails) -> str:
    if problem["type"] == "too_short" and problem["loc"] == ("reports",):
        return "Choose at least one report, or describe one of your own."
    return problem["msg"]

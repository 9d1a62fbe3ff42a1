"""The register page's forms. Each checks its own fields; the contract checks the whole."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.exceptions import ValidationError as FieldError
from django.utils import timezone
from pydantic import ValidationError

from dataflows.contracts import ga4, naming
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import DEFAULT_LOOKBACK_DAYS, FilterOperator, OnInvalid
from dataflows.contracts.ga4 import FieldKind
from dataflows.contracts.reports import REPORTS, custom_report
from dataflows.definitions import register_event
from dataflows.models import DataFlow

DEFAULT_BACKFILL_DAYS: Final = 90
EARLIEST_START_DATE: Final = date(2015, 8, 14)  # GA4's API takes no earlier date

_FORM_FIELDS: Final = {"property": "property_id", "reports": "reports", "filters": "filters"}


def _catalogue(kind: FieldKind) -> list[tuple[str, str]]:
    fields = (field for field in ga4.FIELDS.values() if field.kind is kind and field.api_name != ga4.DATE)
    return [(field.api_name, f"{field.label} ({field.api_name})") for field in fields]


class RegisterForm(forms.Form):
    """A GA4 property, its reports, range and schedule."""

    property_id = forms.CharField(
        label="Property id",
        max_length=40,
        help_text="The number in Google Analytics under Admin > Property settings; not the G-… measurement id.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "autofocus": True}),
    )
    display_name = forms.CharField(label="Name", max_length=100, help_text="How the property is called in MyApp.")
    time_zone = forms.CharField(
        label="Time zone",
        help_text="The property's own, as set in Google Analytics: it decides when a day begins.",
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    currency_code = forms.RegexField(
        r"^[A-Z]{3}$",
        label="Currency",
        help_text="The property's reporting currency: three letters, such as EUR.",
        error_messages={"invalid": "Write the three capital letters of the currency, such as EUR."},
    )
    connector_profile = forms.RegexField(
        naming.CONNECTOR_PROFILE_PATTERN,
        label="Google account",
        initial="ga4",
        help_text="The AppFlow connector profile that may read the property.",
        error_messages={"invalid": "A connector profile's name holds letters, digits and _/!@#+=.- only."},
    )
    reports = forms.MultipleChoiceField(
        label="Reports",
        required=False,
        choices=[(report.slug, report.label) for report in REPORTS.values()],
        initial=list(REPORTS),
        widget=forms.CheckboxSelectMultiple,
        help_text="What is fetched every day.",
    )
    start_date = forms.DateField(
        label="Back-fill from",
        help_text="The first day to fetch. Older days come in one go, right after registering.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    lookback_days = forms.IntegerField(
        label="Lookback days",
        min_value=1,
        max_value=30,
        initial=DEFAULT_LOOKBACK_DAYS,
        help_text="How many past days each run reads again: Google corrects the last three or four.",
    )
    refresh_hour_local = forms.IntegerField(
        label="Refresh hour",
        min_value=0,
        max_value=23,
        initial=4,
        help_text="When the daily run starts, 0 to 23, in the property's time zone.",
    )
    on_invalid = forms.ChoiceField(
        label="Records that fail validation",
        choices=[
            (OnInvalid.DROP_RECORD.value, "Drop the record, keep the rest"),
            (OnInvalid.FAIL_RUN.value, "Fail the whole run"),
        ],
        initial=OnInvalid.DROP_RECORD.value,
        help_text="A record is invalid when its date is missing or a metric is not a number.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["start_date"].initial = timezone.localdate() - timedelta(days=DEFAULT_BACKFILL_DAYS)

    def clean_property_id(self) -> str:
        """Refuse what is not a property id, and what is registered already."""
        property_id: str = self.cleaned_data["property_id"]
        try:
            naming.checked_property_id(property_id)
        except InvalidDataFlowError as error:
            raise FieldError(str(error), code=error.reason) from error
        if DataFlow.objects.filter(property_id=property_id).exists():
            raise FieldError("This property is registered already: open it in the list of data flows.")
        return property_id

    def clean_time_zone(self) -> str:
        """Refuse what is no IANA time zone."""
        time_zone: str = self.cleaned_data["time_zone"]
        if time_zone not in available_timezones():
            raise FieldError("Choose a time zone from the list, such as Europe/Berlin.")
        return time_zone

    def clean(self) -> dict[str, Any]:
        """Refuse a first day that lies in the future, in the property's own time zone."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        start_date, time_zone = cleaned.get("start_date"), cleaned.get("time_zone")
        if start_date and start_date < EARLIEST_START_DATE:
            self.add_error("start_date", f"Google Analytics answers from {EARLIEST_START_DATE} on.")
        if start_date and time_zone and start_date >= timezone.now().astimezone(ZoneInfo(time_zone)).date():
            self.add_error("start_date", "Choose a day before today: only whole days are fetched.")
        return cleaned


class CustomReportForm(forms.Form):
    """An operator's own report; an empty one is left out."""

    name = forms.RegexField(
        naming.CUSTOM_NAME_PATTERN,
        required=False,
        label="Name",
        help_text="Lower case letters, digits and underscores, such as language_by_country.",
        error_messages={"invalid": "Start with a letter; lower case letters, digits and underscores, at most 30."},
    )
    dimensions = forms.MultipleChoiceField(
        required=False,
        choices=_catalogue(FieldKind.DIMENSION),
        help_text=f"At most {ga4.MAX_DIMENSIONS - 1}; the date is always there.",
    )
    metrics = forms.MultipleChoiceField(
        required=False,
        choices=_catalogue(FieldKind.METRIC),
        help_text=f"1 to {ga4.MAX_METRICS}.",
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a report that one request to GA4 can't carry."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors or not any(cleaned.values()):
            return cleaned
        if not cleaned["name"]:
            self.add_error("name", "Give the report a name.")
            return cleaned
        try:
            custom_report(cleaned["name"], tuple(cleaned["dimensions"]), tuple(cleaned["metrics"]))
        except InvalidDataFlowError as error:
            self.add_error("metrics" if not cleaned["metrics"] else "dimensions", str(error))
        return cleaned


class DimensionFilterForm(forms.Form):
    """Keeps only some rows of every chosen report; an empty one is left out."""

    dimension = forms.ChoiceField(required=False, choices=[("", "No filter"), *_catalogue(FieldKind.DIMENSION)])
    operator = forms.ChoiceField(
        required=False,
        choices=[
            (FilterOperator.EQUAL_TO.value, "is one of"),
            (FilterOperator.NOT_EQUAL_TO.value, "is none of"),
            (FilterOperator.CONTAINS.value, "contains"),
        ],
    )
    values = forms.CharField(required=False, max_length=2000, help_text="Separate several with commas.")

    def clean_values(self) -> list[str]:
        """Return the values as a list."""
        return [value.strip() for value in self.cleaned_data["values"].split(",") if value.strip()]

    def clean(self) -> dict[str, Any]:
        """Refuse a filter that is only half written."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("dimension") and not cleaned.get("values"):
            self.add_error("values", "Write at least one value.")
        if cleaned.get("values") and not cleaned.get("dimension"):
            self.add_error("dimension", "Choose the dimension that is to have these values.")
        return cleaned


CustomReportFormSet = forms.formset_factory(CustomReportForm, extra=1, max_num=10, absolute_max=10)
DimensionFilterFormSet = forms.formset_factory(DimensionFilterForm, extra=1, max_num=10, absolute_max=10)


class Registration:
    """The whole page: the main form, custom reports and filters, checked together."""

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        self.form = RegisterForm(data)
        self.custom_reports = CustomReportFormSet(data, prefix="custom")
        self.filters = DimensionFilterFormSet(data, prefix="filter")

    def data_flow(self) -> DataFlow | None:
        """Return the data flow that is asked for, unsaved; None when something has to be mended first."""
        parts_valid = [self.form.is_valid(), self.custom_reports.is_valid(), self.filters.is_valid()]
        if not all(parts_valid):
            return None
        asked = self.form.cleaned_data
        data_flow = DataFlow(
            **{name: asked[name] for name in asked if name != "reports"},
            reports=list(self._reports()),
            filters=list(self._filters()),
        )
        return data_flow if self._keeps_contract(data_flow) else None

    def _reports(self) -> Iterator[dict[str, Any]]:
        for slug in self.form.cleaned_data["reports"]:
            yield {"slug": slug}
        for report in self.custom_reports.cleaned_data:
            if report.get("name"):
                yield {"custom": {name: report[name] for name in ("name", "dimensions", "metrics")}}

    def _filters(self) -> Iterator[dict[str, Any]]:
        for asked in self.filters.cleaned_data:
            if asked.get("dimension"):
                yield {name: asked[name] for name in ("dimension", "operator", "values")}

    def _keeps_contract(self, data_flow: DataFlow) -> bool:
        """Check the event this would send; what it refuses is shown beside the field it speaks of."""
        try:
            register_event(data_flow, correlation_id=data_flow.id, requested_by="form")
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                self._show(problem["loc"], problem["type"], problem["msg"])
            return False
        return True

    def _show(self, where: tuple[int | str, ...], kind: str, message: str) -> None:
        if not where and kind in ("filter_not_in_report",):
            self.filters.forms[0].add_error("dimension", message)
            return
        name = str(where[-1] if where and where[-1] in self.form.fields else where[0] if where else "reports")
        if name == "reports" and kind == "too_short":
            message = "Choose at least one report, or describe one of your own."
        field = name if name in self.form.fields else _FORM_FIELDS.get(name)
        self.form.add_error(field, message)


class BackfillForm(forms.Form):
    """A range of days to fetch again."""

    start_date = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    end_date = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, time_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = timezone.now().astimezone(ZoneInfo(time_zone)).date()

    def clean(self) -> dict[str, Any]:
        """Refuse a range that runs backwards or is not over yet."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        start_date, end_date = cleaned.get("start_date"), cleaned.get("end_date")
        if start_date and end_date and end_date < start_date:
            self.add_error("end_date", "The last day lies before the first.")
        if end_date and end_date >= self.today:
            self.add_error("end_date", "Choose a day before today: only whole days are fetched.")
        return cleaned


class DeregisterForm(forms.Form):
    """Asks for the property id, so that nobody deregisters by a slip."""

    property_id = forms.CharField(label="Property id", help_text="Type it to confirm.")

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_property_id(self) -> str:
        """Refuse any other property's id."""
        property_id: str = self.cleaned_data["property_id"]
        if property_id != self.expected:
            raise FieldError(f"This is not {self.expected}.")
        return property_id

"""The main form of the register and the edit page, and those of a data flow's actions. Each checks its own fields."""

from datetime import timedelta
from typing import Any, Final
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError as FieldError
from django.core.validators import MinValueValidator
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dataflows.contracts import naming
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import (
    DEFAULT_LOOKBACK_DAYS,
    DataFlowState,
    OnInvalid,
    today_in,
)
from dataflows.contracts.reports import REPORTS
from dataflows.contracts.values import EARLIEST_START_DATE, TOO_EARLY
from dataflows.models import DataFlow

DEFAULT_BACKFILL_DAYS: Final = 90
MAX_LOOKBACK_DAYS: Final = 30

_NO_DATE: Final = "Choose a day; written out it is year-month-day, such as 2026-11-20."
_NOT_TOO_EARLY: Final = MinValueValidator(EARLIEST_START_DATE, TOO_EARLY)
_WHOLE_DAYS_ONLY: Final = "Choose a day before today in the property's time zone: only whole days are fetched."


def _date_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def _says(text: str, *codes: str) -> dict[str, str]:
    """Return one message for everything that may be wrong with a field's text."""
    return dict.fromkeys(("required", "invalid", "invalid_choice", *codes), text)


class DefinitionForm(forms.Form):
    """A GA4 property, its reports, range and schedule."""

    property_id = forms.CharField(
        label="Property id",
        max_length=40,
        help_text="The number in Google Analytics under Admin > Property settings; not the G-… measurement id.",
        error_messages=_says("Write the property's number, such as 123456789.", "max_length"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    display_name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="What the property is called in MyApp.",
        error_messages={"required": "Write a name by which people will find the property."},
    )
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        help_text="The property's own, as set in Google Analytics: it decides when a day begins.",
        error_messages=_says("Choose a time zone from the list, such as Europe/Berlin.", "max_length"),
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    currency_code = forms.CharField(
        label="Currency",
        help_text="The property's reporting currency: three letters, such as EUR.",
        error_messages={"required": "Write the three letters of the currency, such as EUR."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    connector_profile = forms.RegexField(
        naming.CONNECTOR_PROFILE_PATTERN,
        label="Google account",
        initial="ga4",
        help_text="The AppFlow connector profile that may read the property.",
        error_messages={
            "required": "Write the connector profile's name; the usual one is ga4.",
            "invalid": "A connector profile's name holds letters, digits and _/!@#+=.- only, at most 256.",
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    reports = forms.MultipleChoiceField(
        label="Reports",
        required=False,
        choices=[(report.slug, report.label) for report in REPORTS.values()],
        initial=list(REPORTS),
        widget=forms.CheckboxSelectMultiple,
        help_text="What is fetched every day.",
        error_messages={"invalid_choice": "There is no report %(value)r: choose from those listed."},
    )
    start_date = forms.DateField(
        label="Back-fill from",
        help_text="The first day to fetch. Past days come in one go, right after registering.",
        error_messages=_says(_NO_DATE),
        validators=[_NOT_TOO_EARLY],
        widget=_date_input(),
    )
    lookback_days = forms.IntegerField(
        label="Lookback days",
        min_value=1,
        max_value=MAX_LOOKBACK_DAYS,
        initial=DEFAULT_LOOKBACK_DAYS,
        help_text="How many past days each run reads again: Google corrects the last three or four.",
        error_messages=_says(f"Write a whole number from 1 to {MAX_LOOKBACK_DAYS}.", "min_value", "max_value"),
    )
    refresh_hour_local = forms.IntegerField(
        label="Refresh hour",
        min_value=0,
        max_value=23,
        initial=4,
        help_text="When the daily run starts, 0 to 23, in the property's time zone.",
        error_messages=_says("Write a whole hour from 0 to 23.", "min_value", "max_value"),
    )
    on_invalid = forms.ChoiceField(
        label="Records that fail validation",
        choices=[
            (OnInvalid.DROP_RECORD.value, "Drop the record, keep the rest"),
            (OnInvalid.FAIL_RUN.value, "Fail the whole run"),
        ],
        initial=OnInvalid.DROP_RECORD.value,
        help_text="A record is invalid when its date is missing or a metric is not a number.",
        error_messages=_says("Choose what becomes of a record that fails."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["start_date"].initial = timezone.localdate() - timedelta(days=DEFAULT_BACKFILL_DAYS)

    def clean_time_zone(self) -> str:
        """Refuse what is no IANA time zone."""
        time_zone: str = self.cleaned_data["time_zone"]
        if time_zone not in available_timezones():
            raise FieldError(self.fields["time_zone"].error_messages["invalid"], code="unknown_time_zone")
        return time_zone

    def clean_currency_code(self) -> str:
        """Return the three letters as capitals; refuse anything else."""
        code: str = self.cleaned_data["currency_code"].upper()
        if not (len(code) == 3 and code.isascii() and code.isalpha()):
            raise FieldError("Write the three letters of the currency, such as EUR.", code="invalid_currency")
        return code

    def clean(self) -> dict[str, Any]:
        """Refuse a first day that lies in the future, in the property's own time zone."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        start_date, time_zone = cleaned.get("start_date"), cleaned.get("time_zone")
        if start_date and start_date >= today_in(time_zone or "UTC", timezone.now()):
            self.add_error("start_date", _WHOLE_DAYS_ONLY)
        return cleaned


class RegisterForm(DefinitionForm):
    """Asks for a property that is not registered yet."""

    def clean_property_id(self) -> str:
        """Refuse what is not a property id, and what is registered already."""
        property_id: str = self.cleaned_data["property_id"]
        try:
            naming.checked_property_id(property_id)
        except InvalidDataFlowError as error:
            raise FieldError(str(error), code=error.reason) from error
        registered = DataFlow.objects.filter(property_id=property_id).first()
        if registered is not None:
            raise FieldError(already_registered(registered), code="already_registered")
        return property_id


class EditForm(DefinitionForm):
    """Asks for changes to a registered property: to everything but which property it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["property_id"].disabled = True  # so what is sent for it is not looked at
        self.fields["property_id"].help_text = "It stays: another property is registered as another data flow."
        self.fields[
            "start_date"
        ].help_text = "The first day to fetch. With another one, days that were fetched before come again."


def already_registered(data_flow: DataFlow) -> SafeString:
    """Return the words for a property that is registered, with the way to it."""
    ways = [("data-flow-detail", "Open its data flow")]
    if data_flow.desired_state != DataFlowState.REMOVED:
        ways.append(("data-flow-edit", "Edit it"))
    links = format_html_join(
        " · ", '<a href="{}">{}</a>', ((reverse(name, args=(data_flow.id,)), text) for name, text in ways)
    )
    return format_html("This property is registered already, as {}. {}", data_flow.display_name, links)


class BackfillForm(forms.Form):
    """A range of days to fetch again."""

    start_date = forms.DateField(
        label="From", error_messages=_says(_NO_DATE), validators=[_NOT_TOO_EARLY], widget=_date_input()
    )
    end_date = forms.DateField(label="To", error_messages=_says(_NO_DATE), widget=_date_input())

    def __init__(self, *args: Any, time_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today_in(time_zone, timezone.now())

    def clean(self) -> dict[str, Any]:
        """Refuse a range that runs backwards or is not over yet."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        start_date, end_date = cleaned.get("start_date"), cleaned.get("end_date")
        if start_date and end_date and end_date < start_date:
            self.add_error("end_date", "Choose the first day or a later one: this lies before it.")
        if end_date and end_date >= self.today:
            self.add_error("end_date", _WHOLE_DAYS_ONLY)
        return cleaned


class DeregisterForm(forms.Form):
    """Asks for the property id, so that nobody deregisters by a slip."""

    property_id = forms.CharField(
        label="Property id",
        help_text="Type it to confirm.",
        error_messages={"required": "Type the property's id, so that it is not deregistered by a slip."},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_property_id(self) -> str:
        """Refuse any other property's id."""
        property_id: str = self.cleaned_data["property_id"]
        if property_id != self.expected:
            raise FieldError(f"Type {self.expected}, this property's id.")
        return property_id

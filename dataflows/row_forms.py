"""The register page's rows: custom reports, of which there may be several, and filters."""

import re
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError as FieldError

from dataflows.contracts import ga4, naming
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import FilterOperator
from dataflows.contracts.ga4 import FieldKind
from dataflows.contracts.reports import custom_report

MAX_FILTER_VALUES: Final = 20
MAX_VALUE_LENGTH: Final = 200
FILTER_OPERATORS: Final = (
    (FilterOperator.EQUAL_TO.value, "is one of"),
    (FilterOperator.NOT_EQUAL_TO.value, "is none of"),
    (FilterOperator.CONTAINS.value, "contains"),
)


def _catalogue(kind: FieldKind) -> list[tuple[str, str]]:
    fields = (field for field in ga4.FIELDS.values() if field.kind is kind and field.api_name != ga4.DATE)
    return [(field.api_name, field.label) for field in fields]


def filter_words(asked: dict[str, Any]) -> str:
    """Return a filter as a sentence: `Country is one of Germany, Austria`."""
    operator = dict(FILTER_OPERATORS)[asked["operator"]]
    return f"{ga4.dimension(asked['dimension']).label} {operator} {', '.join(asked['values'])}"


class CustomFieldsField(forms.Field):
    """Dimensions or metrics that the property defines itself, written out with commas in between."""

    widget = forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Return what stands in the input: what was typed, or the names."""
        return ", ".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether what was typed is something else than the names."""
        return bool(self.prepare_value(initial or []) != (data or ""))

    def to_python(self, value: Any) -> list[str]:
        """Return the API names, each once."""
        names = list(dict.fromkeys(re.findall(r"[^,\s]+", value or "")))
        for name in names:
            if not ga4.is_custom_field(name):
                raise FieldError(f"{name[:60]!r} is no such field: write {ga4.CUSTOM_FORMS}, with commas in between.")
        return names


class CustomReportForm(forms.Form):
    """An operator's own report; an empty one is left out."""

    name = forms.RegexField(
        naming.CUSTOM_NAME_PATTERN,
        required=False,
        label="Name",
        help_text="Lower case letters, digits and underscores, such as language_by_country.",
        error_messages={"invalid": "Start with a letter; lower case letters, digits and underscores, at most 30."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    dimensions = forms.MultipleChoiceField(
        required=False,
        choices=_catalogue(FieldKind.DIMENSION),
        widget=forms.CheckboxSelectMultiple,
        help_text=f"At most {ga4.MAX_DIMENSIONS - 1}, custom ones included; the date is always there.",
        error_messages={"invalid_choice": "There is no dimension %(value)r: choose from those listed."},
    )
    custom_dimensions = CustomFieldsField(
        required=False,
        label="Custom dimensions",
        help_text="Those defined in the property, such as customEvent:author, customUser:plan or customItem:colour. "
        "Separate several with commas.",
    )
    metrics = forms.MultipleChoiceField(
        required=False,
        choices=_catalogue(FieldKind.METRIC),
        widget=forms.CheckboxSelectMultiple,
        help_text=f"1 to {ga4.MAX_METRICS}, custom ones included.",
        error_messages={"invalid_choice": "There is no metric %(value)r: choose from those listed."},
    )
    custom_metrics = CustomFieldsField(
        required=False,
        label="Custom metrics",
        help_text="Those defined in the property, such as customEvent:reading_minutes.",
    )

    @property
    def report_fields(self) -> tuple[list[str], list[str]]:
        """The API names of the report's dimensions and metrics, listed and custom ones alike."""
        asked = self.cleaned_data
        return [*asked["dimensions"], *asked["custom_dimensions"]], [*asked["metrics"], *asked["custom_metrics"]]

    def clean(self) -> dict[str, Any]:
        """Refuse a report that one request to GA4 can't carry."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors or not any(cleaned.values()):
            return cleaned
        if not cleaned["name"]:
            self.add_error("name", "Give the report a name.")
            return cleaned
        dimensions, metrics = self.report_fields
        try:
            custom_report(cleaned["name"], tuple(dimensions), tuple(metrics))
        except InvalidDataFlowError as error:
            self.add_error(self._field_at_fault(error.reason), str(error))
        return cleaned

    def _field_at_fault(self, reason: str) -> str:
        if reason == "repeated_field":  # what is listed can't stand there twice
            return "custom_metrics" if self.cleaned_data["custom_metrics"] else "custom_dimensions"
        dimensions, _ = self.report_fields
        return "dimensions" if len(dimensions) + 1 > ga4.MAX_DIMENSIONS else "metrics"


_FILTER_CHOICES: Final = [("", "No filter"), *_catalogue(FieldKind.DIMENSION)]


class DimensionFilterForm(forms.Form):
    """Keeps only some rows of every chosen report; an empty one is left out."""

    dimension = forms.ChoiceField(
        required=False,
        choices=_FILTER_CHOICES,
        help_text="One that every chosen report has.",
        error_messages={"invalid_choice": "There is no dimension %(value)r: choose from those listed."},
    )
    operator = forms.ChoiceField(
        required=False,
        label="Comparison",
        choices=FILTER_OPERATORS,
        error_messages={"invalid_choice": "Choose a comparison from those listed."},
    )
    values = forms.CharField(required=False, help_text="Separate several with commas.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = self["dimension"].value()
        if isinstance(asked, str) and ga4.is_custom_field(asked):
            field = cast("forms.ChoiceField", self.fields["dimension"])
            field.choices = [*_FILTER_CHOICES, (asked, asked)]

    def clean_values(self) -> list[str]:
        """Return the values as a list."""
        values = [value.strip() for value in self.cleaned_data["values"].split(",") if value.strip()]
        if len(values) > MAX_FILTER_VALUES:
            raise FieldError(f"Write at most {MAX_FILTER_VALUES} values; these are {len(values)}.")
        for value in values:
            if len(value) > MAX_VALUE_LENGTH or not value.isprintable():
                raise FieldError(
                    f"A value is plain text of at most {MAX_VALUE_LENGTH} characters: shorten {value[:30]!r}."
                )
        return values

    def clean(self) -> dict[str, Any]:
        """Refuse a filter that is only half written."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("dimension") and "values" in cleaned and not cleaned["values"]:
            self.add_error("values", "Write at least one value, or choose No filter.")
        if cleaned.get("dimension") and "operator" in cleaned and not cleaned["operator"]:
            self.add_error("operator", "Choose a comparison from those listed.")
        if cleaned.get("values") and "dimension" in cleaned and not cleaned["dimension"]:
            self.add_error("dimension", "Choose the dimension that is to have these values.")
        return cleaned

"""The GA4 field catalogue: what each dimension and metric is, and how it may be summed.

Source: Google's Data API schema (API names and types); additivity as in docs/decisions.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.naming import column_name

MAX_DIMENSIONS: Final = 9  # of one core report request, `date` included
MAX_METRICS: Final = 10
DATE: Final = "date"

CUSTOM_FORMS: Final = "customEvent:name, customUser:name or customItem:name"
_CUSTOM_FIELD: Final = re.compile(r"^(customEvent|customUser|customItem):[A-Za-z][A-Za-z0-9_]{0,39}$")


class FieldKind(StrEnum):
    """Whether a field groups rows or is counted in them."""

    DIMENSION = "dimension"
    METRIC = "metric"


class FieldType(StrEnum):
    """How a value is stored: text, a whole number, or an exact decimal of 28 + 10 digits."""

    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"


class Unit(StrEnum):
    """What a number counts."""

    COUNT = "count"
    SECONDS = "seconds"
    CURRENCY = "currency"
    RATIO = "ratio"
    NONE = "none"


class Additivity(StrEnum):
    """Over what a metric may be summed."""

    ADDITIVE = "additive"
    OVER_DAYS = "over_days"  # and over disjoint rows, but one session is in many event or page rows
    NOT_ADDITIVE = "not_additive"


@dataclass(frozen=True)
class Ga4Field:
    """A dimension or metric of the GA4 Data API."""

    api_name: str
    kind: FieldKind
    type: FieldType
    unit: Unit = Unit.NONE
    additivity: Additivity = Additivity.NOT_ADDITIVE
    label: str = ""

    @property
    def column_name(self) -> str:
        """Our name of the field, as a column and in the API."""
        return column_name(self.api_name)


def _dimension(api_name: str, label: str) -> Ga4Field:
    return Ga4Field(api_name, FieldKind.DIMENSION, FieldType.TEXT, label=label)


def _count(api_name: str, label: str, additivity: Additivity) -> Ga4Field:
    return Ga4Field(api_name, FieldKind.METRIC, FieldType.INTEGER, Unit.COUNT, additivity, label)


def _decimal(api_name: str, label: str, unit: Unit, additivity: Additivity = Additivity.ADDITIVE) -> Ga4Field:
    return Ga4Field(api_name, FieldKind.METRIC, FieldType.DECIMAL, unit, additivity, label)


_FIELDS: Final = (
    Ga4Field(DATE, FieldKind.DIMENSION, FieldType.DATE, label="Date"),
    _dimension("sessionDefaultChannelGroup", "Session default channel group"),
    _dimension("sessionSource", "Session source"),
    _dimension("sessionMedium", "Session medium"),
    _dimension("sessionSourceMedium", "Session source / medium"),
    _dimension("sessionCampaignName", "Session campaign"),
    _dimension("firstUserDefaultChannelGroup", "First user default channel group"),
    _dimension("country", "Country"),
    _dimension("city", "City"),
    _dimension("language", "Language"),
    _dimension("deviceCategory", "Device category"),
    _dimension("operatingSystem", "Operating system"),
    _dimension("operatingSystemVersion", "Operating system version"),
    _dimension("browser", "Browser"),
    _dimension("screenResolution", "Screen resolution"),
    _dimension("mobileDeviceModel", "Mobile device model"),
    _dimension("hostName", "Host name"),
    _dimension("pagePath", "Page path"),
    _dimension("pageTitle", "Page title"),
    _dimension("landingPage", "Landing page"),
    _dimension("eventName", "Event name"),
    _dimension("newVsReturning", "New / returning"),
    _dimension("itemName", "Item name"),
    _count("sessions", "Sessions", Additivity.OVER_DAYS),
    _count("engagedSessions", "Engaged sessions", Additivity.OVER_DAYS),
    _count("newUsers", "New users", Additivity.OVER_DAYS),
    _count("totalUsers", "Total users", Additivity.NOT_ADDITIVE),
    _count("activeUsers", "Active users", Additivity.NOT_ADDITIVE),
    _count("active1DayUsers", "1-day active users", Additivity.NOT_ADDITIVE),
    _count("active7DayUsers", "7-day active users", Additivity.NOT_ADDITIVE),
    _count("active28DayUsers", "28-day active users", Additivity.NOT_ADDITIVE),
    _count("totalPurchasers", "Total purchasers", Additivity.NOT_ADDITIVE),
    _count("screenPageViews", "Views", Additivity.ADDITIVE),
    _count("eventCount", "Event count", Additivity.ADDITIVE),
    _decimal("keyEvents", "Key events", Unit.COUNT),
    _count("transactions", "Transactions", Additivity.ADDITIVE),
    _count("itemsPurchased", "Items purchased", Additivity.ADDITIVE),
    _count("itemsViewed", "Items viewed", Additivity.ADDITIVE),
    _count("itemsAddedToCart", "Items added to cart", Additivity.ADDITIVE),
    _decimal("itemRevenue", "Item revenue", Unit.CURRENCY),
    _decimal("purchaseRevenue", "Purchase revenue", Unit.CURRENCY),
    _decimal("totalRevenue", "Total revenue", Unit.CURRENCY),
    _decimal("userEngagementDuration", "User engagement", Unit.SECONDS),
    _decimal("averageSessionDuration", "Average session duration", Unit.SECONDS, Additivity.NOT_ADDITIVE),
    _decimal("sessionKeyEventRate", "Session key event rate", Unit.RATIO, Additivity.NOT_ADDITIVE),
)

FIELDS: Final = {field.api_name: field for field in _FIELDS}

# One session is in several rows of a report that has one of these dimensions.
OVERLAPPING_DIMENSIONS: Final = frozenset({"hostName", "pagePath", "pageTitle", "eventName", "itemName"})


def dimension(api_name: str) -> Ga4Field:
    """Return the dimension `api_name`; custom ones (`customEvent:x`) are text.

    Raises InvalidDataFlowError when GA4 has no such dimension as far as the catalogue knows.
    """
    return _field(api_name, FieldKind.DIMENSION, _custom_dimension)


def metric(api_name: str) -> Ga4Field:
    """Return the metric `api_name`; custom ones (`customEvent:x`) are decimals that are not summed.

    Raises InvalidDataFlowError when GA4 has no such metric as far as the catalogue knows.
    """
    return _field(api_name, FieldKind.METRIC, _custom_metric)


def is_custom_field(api_name: str) -> bool:
    """Return whether `api_name` is written as a dimension or metric that a property defines itself."""
    if not _CUSTOM_FIELD.fullmatch(api_name):
        return False
    try:
        column_name(api_name)
    except ValueError:  # many capitals make it longer than a column's name may be
        return False
    return True


def _custom_dimension(api_name: str) -> Ga4Field:
    return _dimension(api_name, api_name)


def _custom_metric(api_name: str) -> Ga4Field:
    return _decimal(api_name, api_name, Unit.NONE, Additivity.NOT_ADDITIVE)


def _field(api_name: str, kind: FieldKind, custom: Callable[[str], Ga4Field]) -> Ga4Field:
    field = FIELDS.get(api_name)
    if field is not None and field.kind is kind:
        return field
    if is_custom_field(api_name):
        return custom(api_name)
    raise InvalidDataFlowError(
        f"{api_name[:80]!r} is not a GA4 {kind} that MyApp knows. Choose one of the listed {kind}s, or a custom "
        f"field written as {CUSTOM_FORMS}.",
        reason=f"unknown_{kind}",
    )

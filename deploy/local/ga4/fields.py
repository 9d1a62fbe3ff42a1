"""The dimensions and metrics the emulated Data API knows, with Google's names and types."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DATE: Final = "date"
DATE_RANGE: Final = "dateRange"
CUSTOM_PREFIXES: Final = ("customEvent:", "customUser:", "customItem:")


class Scope(StrEnum):
    """What a field belongs to; item fields go only with item fields."""

    TIME = "Time"
    USER = "User"
    SESSION = "Session"
    EVENT = "Event"
    ITEM = "Ecommerce"


class Additivity(StrEnum):
    """Whether rows of a recorded report may be summed into coarser ones."""

    ADDITIVE = "additive"
    OVER_SESSIONS = "over_sessions"  # over days and session-scoped rows; one session is in many page rows
    NOT_ADDITIVE = "not_additive"


@dataclass(frozen=True)
class DimensionField:
    """A dimension; `column` is its column in an event table, empty when it is derived from others."""

    api_name: str
    ui_name: str
    scope: Scope
    column: str = ""


@dataclass(frozen=True)
class MetricField:
    """A metric; `type` is Google's MetricType."""

    api_name: str
    ui_name: str
    type: str = "TYPE_INTEGER"
    additivity: Additivity = Additivity.NOT_ADDITIVE
    scope: Scope = Scope.EVENT


_SESSION_SUMMED = Additivity.OVER_SESSIONS
_SUMMED = Additivity.ADDITIVE

_DIMENSIONS: Final = (
    DimensionField("date", "Date", Scope.TIME),
    DimensionField("dateHour", "Date + hour (YYYYMMDDHH)", Scope.TIME),
    DimensionField("hour", "Hour", Scope.TIME, "event_hour"),
    DimensionField("year", "Year", Scope.TIME),
    DimensionField("month", "Month", Scope.TIME),
    DimensionField("yearMonth", "Year month", Scope.TIME),
    DimensionField("day", "Day", Scope.TIME),
    DimensionField("dayOfWeek", "Day of week", Scope.TIME),
    DimensionField("dayOfWeekName", "Day of week name", Scope.TIME),
    DimensionField("isoYear", "ISO year", Scope.TIME),
    DimensionField("isoWeek", "ISO week of the year", Scope.TIME),
    DimensionField("isoYearIsoWeek", "ISO week of ISO year", Scope.TIME),
    DimensionField(
        "sessionDefaultChannelGroup",
        "Session default channel group",
        Scope.SESSION,
        "session_default_channel_group",
    ),
    DimensionField("sessionSource", "Session source", Scope.SESSION, "session_source"),
    DimensionField("sessionMedium", "Session medium", Scope.SESSION, "session_medium"),
    DimensionField("sessionSourceMedium", "Session source / medium", Scope.SESSION),
    DimensionField("sessionCampaignName", "Session campaign", Scope.SESSION, "session_campaign"),
    DimensionField(
        "firstUserDefaultChannelGroup",
        "First user default channel group",
        Scope.USER,
        "first_user_default_channel_group",
    ),
    DimensionField("newVsReturning", "New / returning", Scope.USER),
    DimensionField("country", "Country", Scope.USER, "country"),
    DimensionField("city", "City", Scope.USER, "city"),
    DimensionField("language", "Language", Scope.USER, "language"),
    DimensionField("deviceCategory", "Device category", Scope.USER, "device_category"),
    DimensionField("operatingSystem", "Operating system", Scope.USER, "operating_system"),
    DimensionField("operatingSystemVersion", "OS version", Scope.USER, "operating_system_version"),
    DimensionField("operatingSystemWithVersion", "Operating system with version", Scope.USER),
    DimensionField("browser", "Browser", Scope.USER, "browser"),
    DimensionField("screenResolution", "Screen resolution", Scope.USER, "screen_resolution"),
    DimensionField("mobileDeviceModel", "Device model", Scope.USER, "mobile_device_model"),
    DimensionField("landingPage", "Landing page", Scope.SESSION, "landing_page"),
    DimensionField("hostName", "Hostname", Scope.EVENT, "host_name"),
    DimensionField("pagePath", "Page path", Scope.EVENT, "page_path"),
    DimensionField("pageTitle", "Page title", Scope.EVENT, "page_title"),
    DimensionField("fullPageUrl", "Full page URL", Scope.EVENT),
    DimensionField("unifiedPagePathScreen", "Page path and screen class", Scope.EVENT, "page_path"),
    DimensionField("unifiedScreenName", "Page title and screen name", Scope.EVENT, "page_title"),
    DimensionField("eventName", "Event name", Scope.EVENT, "event_name"),
    DimensionField("transactionId", "Transaction ID", Scope.EVENT, "transaction_id"),
    DimensionField("itemName", "Item name", Scope.ITEM, "item_name"),
)

_METRICS: Final = (
    MetricField("sessions", "Sessions", additivity=_SESSION_SUMMED),
    MetricField("engagedSessions", "Engaged sessions", additivity=_SESSION_SUMMED),
    MetricField("newUsers", "New users", additivity=_SESSION_SUMMED),
    MetricField("totalUsers", "Total users"),
    MetricField("activeUsers", "Active users"),
    MetricField("active1DayUsers", "1-day active users"),
    MetricField("active7DayUsers", "7-day active users"),
    MetricField("active28DayUsers", "28-day active users"),
    MetricField("totalPurchasers", "Total purchasers"),
    MetricField("screenPageViews", "Views", additivity=_SUMMED),
    MetricField("eventCount", "Event count", additivity=_SUMMED),
    MetricField("keyEvents", "Key events", "TYPE_FLOAT", _SUMMED),
    MetricField("transactions", "Transactions", additivity=_SUMMED),
    MetricField("ecommercePurchases", "Ecommerce purchases", additivity=_SUMMED),
    MetricField("addToCarts", "Add to carts", additivity=_SUMMED),
    MetricField("checkouts", "Checkouts", additivity=_SUMMED),
    MetricField("purchaseRevenue", "Purchase revenue", "TYPE_CURRENCY", _SUMMED),
    MetricField("grossPurchaseRevenue", "Gross purchase revenue", "TYPE_CURRENCY", _SUMMED),
    MetricField("refundAmount", "Refund amount", "TYPE_CURRENCY", _SUMMED),
    MetricField("totalAdRevenue", "Total ad revenue", "TYPE_CURRENCY", _SUMMED),
    MetricField("totalRevenue", "Total revenue", "TYPE_CURRENCY", _SUMMED),
    MetricField("userEngagementDuration", "User engagement", "TYPE_SECONDS", _SUMMED),
    MetricField("averageSessionDuration", "Average session duration", "TYPE_SECONDS"),
    MetricField("engagementRate", "Engagement rate", "TYPE_FLOAT"),
    MetricField("bounceRate", "Bounce rate", "TYPE_FLOAT"),
    MetricField("sessionKeyEventRate", "Session key event rate", "TYPE_FLOAT"),
    MetricField("sessionsPerUser", "Sessions per user", "TYPE_FLOAT"),
    MetricField("screenPageViewsPerSession", "Views per session", "TYPE_FLOAT"),
    MetricField("eventsPerSession", "Events per session", "TYPE_FLOAT"),
    MetricField("averagePurchaseRevenue", "Average purchase revenue", "TYPE_CURRENCY"),
    MetricField("itemsViewed", "Items viewed", additivity=_SUMMED, scope=Scope.ITEM),
    MetricField("itemsAddedToCart", "Items added to cart", additivity=_SUMMED, scope=Scope.ITEM),
    MetricField("itemsPurchased", "Items purchased", additivity=_SUMMED, scope=Scope.ITEM),
    MetricField("itemRevenue", "Item revenue", "TYPE_CURRENCY", _SUMMED, Scope.ITEM),
)

DIMENSIONS: Final = {field.api_name: field for field in _DIMENSIONS}
METRICS: Final = {field.api_name: field for field in _METRICS}

WINDOW_DAYS: Final = {"active1DayUsers": 1, "active7DayUsers": 7, "active28DayUsers": 28}
DEMOGRAPHIC: Final = frozenset({"city", "country", "language"})  # what may give a person away in small rows


def custom_dimension(api_name: str) -> DimensionField:
    """Return the field of a custom dimension, whose column has the API name itself."""
    return DimensionField(api_name, api_name.partition(":")[2], Scope.EVENT, api_name)


DATE_PARTS_WITHOUT_DATE: Final = frozenset(
    field.api_name for field in _DIMENSIONS if field.scope is Scope.TIME and field.api_name != DATE
)

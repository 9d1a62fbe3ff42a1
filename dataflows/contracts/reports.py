"""The declared reports: each is written down once, here, and everything else is derived from it.

A report's rows are keyed by property, date and the hash of its dimension values. Custom reports
share one table, whose dimensions and metrics lie in slots `d1…d9` and `m1…m10`.
"""

from dataclasses import dataclass
from typing import Final

from dataflows.contracts import ga4
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.ga4 import FieldType, Ga4Field
from dataflows.contracts.naming import custom_report_slug

CUSTOM_TABLE: Final = "custom"
MAX_PARTITIONS_PER_UNLOAD: Final = 50_000  # the loader holds what is announced in memory


@dataclass(frozen=True)
class Column:
    """A stored column: the same name and type in the warehouse, the unloaded files and MySQL."""

    name: str
    type: FieldType


@dataclass(frozen=True)
class ComputedColumn(Column):
    """A column the combined layer adds to what GA4 delivers; always a part, never a rounded ratio."""

    description: str


@dataclass(frozen=True)
class ReportTable:
    """Where a report's rows lie, under the same name in every layer.

    `key` comes before the hash: property, custom report and date. `depends_on` names the tables that
    the combined SQL joins; `recompute_days_after` is how many later days of the same table a changed
    day changes too.
    """

    name: str
    dimensions: tuple[Column, ...]
    metrics: tuple[Column, ...]
    computed: tuple[ComputedColumn, ...] = ()
    depends_on: tuple[str, ...] = ()
    recompute_days_after: int = 0

    @property
    def is_custom(self) -> bool:
        """Whether this is the one table of all custom reports."""
        return self.name == CUSTOM_TABLE

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """The columns that tell one partition from another; only custom rows carry `report_id`."""
        return ("property_id", "report_id", "date") if self.is_custom else ("property_id", "date")

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The primary key, in order."""
        return (*self.partition_columns, "dimension_hash")

    @property
    def value_columns(self) -> tuple[Column, ...]:
        """Everything beside the key: dimensions, metrics, computed columns, in this order."""
        return (*self.dimensions, *self.metrics, *self.computed)

    @property
    def mysql_name(self) -> str:
        """The table's name in MySQL, where other tables stand beside it."""
        return f"report_{self.name}"


@dataclass(frozen=True)
class Report:
    """A named set of dimensions and metrics of one property; `slug` is its id within the property."""

    slug: str
    label: str
    description: str
    dimensions: tuple[Ga4Field, ...]  # `date` left out: every report has it
    metrics: tuple[Ga4Field, ...]
    table: ReportTable

    @property
    def fields(self) -> tuple[Ga4Field, ...]:
        """What is asked of GA4, in order: date, dimensions, metrics."""
        return (ga4.FIELDS[ga4.DATE], *self.dimensions, *self.metrics)

    @property
    def columns(self) -> tuple[tuple[Ga4Field, str], ...]:
        """Each field with the column it is stored in, from the landing table on."""
        names = ("date", *(column.name for column in (*self._own_dimensions, *self._own_metrics)))
        return tuple(zip(self.fields, names, strict=True))

    @property
    def has_overlapping_rows(self) -> bool:
        """Whether one session may be counted in several rows of a day."""
        return any(field.api_name in ga4.OVERLAPPING_DIMENSIONS for field in self.dimensions)

    @property
    def _own_dimensions(self) -> tuple[Column, ...]:
        return self.table.dimensions[: len(self.dimensions)]

    @property
    def _own_metrics(self) -> tuple[Column, ...]:
        return self.table.metrics[: len(self.metrics)]


CUSTOM: Final = ReportTable(
    CUSTOM_TABLE,
    tuple(Column(f"d{slot}", FieldType.TEXT) for slot in range(1, ga4.MAX_DIMENSIONS + 1)),
    tuple(Column(f"m{slot}", FieldType.DECIMAL) for slot in range(1, ga4.MAX_METRICS + 1)),
)


def custom_report(name: str, dimensions: tuple[str, ...], metrics: tuple[str, ...]) -> Report:
    """Return a property's own report over any GA4 fields; `date` may be named or left out.

    Raises InvalidDataFlowError for a bad name, unknown or repeated fields, or more than one core
    report request carries: 9 dimensions, `date` included, and 10 metrics.
    """
    fields = tuple(ga4.dimension(api_name) for api_name in dimensions if api_name != ga4.DATE)
    measures = tuple(ga4.metric(api_name) for api_name in metrics)
    _check_size(fields, measures)
    label = name.replace("_", " ").capitalize()
    return Report(custom_report_slug(name), label, "A custom report.", fields, measures, CUSTOM)


def _check_size(dimensions: tuple[Ga4Field, ...], metrics: tuple[Ga4Field, ...]) -> None:
    if len(dimensions) + 1 > ga4.MAX_DIMENSIONS or not 1 <= len(metrics) <= ga4.MAX_METRICS:
        raise InvalidDataFlowError(
            f"A report carries at most {ga4.MAX_DIMENSIONS} dimensions, the date among them, and 1 to "
            f"{ga4.MAX_METRICS} metrics; this one has {len(dimensions) + 1} and {len(metrics)}. Remove some, or "
            "make two reports.",
            reason="too_many_fields",
        )
    names = [field.column_name for field in (*dimensions, *metrics)]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidDataFlowError(
            f"Two fields of the report are both {repeated[0]} in MyApp: name each once.", reason="repeated_field"
        )


def _declared(
    slug: str,
    label: str,
    description: str,
    *,
    dimensions: tuple[str, ...] = (),
    metrics: tuple[str, ...],
    computed: tuple[ComputedColumn, ...] = (),
    depends_on: tuple[str, ...] = (),
    recompute_days_after: int = 0,
) -> Report:
    fields = tuple(ga4.dimension(api_name) for api_name in dimensions)
    measures = tuple(ga4.metric(api_name) for api_name in metrics)
    _check_size(fields, measures)
    table = ReportTable(slug, _stored(fields), _stored(measures), computed, depends_on, recompute_days_after)
    return Report(slug, label, description, fields, measures, table)


def _stored(fields: tuple[Ga4Field, ...]) -> tuple[Column, ...]:
    return tuple(Column(field.column_name, field.type) for field in fields)


def _of_the_day(metric_column: str) -> ComputedColumn:
    return ComputedColumn(
        f"day_{metric_column}",
        FieldType.INTEGER,
        f"The property's {metric_column} of the day from daily_totals: what a row's share is taken of.",
    )


_DECLARED: Final = (
    _declared(
        "daily_totals",
        "Daily totals",
        "One row a day: what the overview page shows.",
        metrics=(
            "sessions",
            "engagedSessions",
            "totalUsers",
            "activeUsers",
            "newUsers",
            "screenPageViews",
            "eventCount",
            "keyEvents",
            "userEngagementDuration",
            "totalRevenue",
        ),
        computed=(
            ComputedColumn("sessions_7d", FieldType.INTEGER, "Sessions of the 7 days that end on the date."),
            ComputedColumn("days_7d", FieldType.INTEGER, "How many of those 7 days have data."),
            ComputedColumn("sessions_week_before", FieldType.INTEGER, "Sessions 7 days before; null if no data."),
        ),
        recompute_days_after=7,
    ),
    _declared(
        "traffic_acquisition",
        "Traffic acquisition",
        "Where sessions come from: channel, source, medium, campaign and country.",
        dimensions=(
            "sessionDefaultChannelGroup",
            "sessionSource",
            "sessionMedium",
            "sessionCampaignName",
            "country",
        ),
        metrics=(
            "sessions",
            "engagedSessions",
            "totalUsers",
            "activeUsers",
            "newUsers",
            "eventCount",
            "keyEvents",
            "userEngagementDuration",
            "totalRevenue",
        ),
        computed=(_of_the_day("sessions"),),
        depends_on=("daily_totals",),
    ),
    _declared(
        "pages",
        "Pages and screens",
        "What is viewed: host, page path and title.",
        dimensions=("hostName", "pagePath", "pageTitle"),
        metrics=(
            "screenPageViews",
            "totalUsers",
            "activeUsers",
            "eventCount",
            "keyEvents",
            "userEngagementDuration",
        ),
        computed=(_of_the_day("screen_page_views"),),
        depends_on=("daily_totals",),
    ),
    _declared(
        "events",
        "Events",
        "What happens: each event by name.",
        dimensions=("eventName",),
        metrics=("eventCount", "totalUsers", "activeUsers", "keyEvents", "totalRevenue"),
        computed=(_of_the_day("event_count"),),
        depends_on=("daily_totals",),
    ),
    _declared(
        "devices",
        "Devices",
        "What visitors use: device category, operating system and browser.",
        dimensions=("deviceCategory", "operatingSystem", "browser"),
        metrics=(
            "sessions",
            "engagedSessions",
            "totalUsers",
            "activeUsers",
            "newUsers",
            "screenPageViews",
            "eventCount",
            "userEngagementDuration",
        ),
        computed=(_of_the_day("sessions"),),
        depends_on=("daily_totals",),
    ),
)

REPORTS: Final = {report.slug: report for report in _DECLARED}
REPORT_TABLES: Final = {**{slug: report.table for slug, report in REPORTS.items()}, CUSTOM_TABLE: CUSTOM}

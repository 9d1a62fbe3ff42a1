"""Which days of a report lie in the warehouse, and which were handed on: the ledger of partitions."""

# ruff: noqa: S608 - identifiers are the tables' own; values pass through literal()

from dataflows.contracts.plan import DateWindow
from dataflows.contracts.tables import PARTITIONS
from warehouse.statements import Warehouse, literal


def days_to_unload(warehouse: Warehouse, property_id: str, report: str, window: DateWindow) -> bool:
    """Return whether days of the window are refreshed and not unloaded yet."""
    return bool(_count(warehouse, property_id, report, window, "unloaded_at IS NULL"))


def days_loaded(warehouse: Warehouse, property_id: str, report: str, window: DateWindow) -> bool:
    """Return whether every day of the window is refreshed and unloaded."""
    found = _count(warehouse, property_id, report, window, "unloaded_at IS NOT NULL")
    return found == (window.end_date - window.start_date).days + 1


def _count(warehouse: Warehouse, property_id: str, report: str, window: DateWindow, condition: str) -> int:
    rows = warehouse.query(
        f"SELECT COUNT(*) AS days FROM {PARTITIONS.qualified_name} WHERE property_id = {literal(property_id)} "
        f"AND report_id = {literal(report)} AND date BETWEEN {literal(window.start_date)} "
        f"AND {literal(window.end_date)} AND {condition}"
    )
    return int(rows[0]["days"])

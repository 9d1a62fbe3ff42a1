"""Names made from checked parts: nothing from outside reaches an identifier in another way."""

import re
from datetime import date
from typing import Final

from dataflows.contracts.errors import InvalidDataFlowError

LANDING_SCHEMA: Final = "ga4_landing"
RAW_SCHEMA: Final = "ga4_raw"
COMBINED_SCHEMA: Final = "ga4_combined"
OPS_SCHEMA: Final = "ga4_ops"

PROPERTY_ID_PATTERN: Final = r"^[1-9][0-9]{0,17}$"
CUSTOM_NAME_PATTERN: Final = r"^[a-z][a-z0-9_]{0,29}$"
CONNECTOR_PROFILE_PATTERN: Final = r"^[A-Za-z0-9_/!@#+=.-]{1,256}$"
RUN_ID_PATTERN: Final = r"^[0-9a-f]{32}$"

_IDENTIFIER: Final = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_PROPERTY_ID_PLACE: Final = "The numeric property id stands in Google Analytics under Admin > Property settings."


def checked_property_id(value: str) -> str:
    """Return `value` if it is a GA4 property id: 1 to 18 digits, no leading zero.

    Raises InvalidDataFlowError for anything else; measurement ids (`G-…`) and Universal Analytics
    ids (`UA-…`) are named as what they are.
    """
    if re.fullmatch(PROPERTY_ID_PATTERN[1:-1], value, flags=re.ASCII):
        return value
    raise InvalidDataFlowError(_property_id_help(value), reason="invalid_property_id")


def _property_id_help(value: str) -> str:
    if re.match(r"(?i)g-", value):
        return f"This is a measurement id (of a data stream), not a property id. {_PROPERTY_ID_PLACE}"
    if re.match(r"(?i)ua-", value):
        return (
            "This is a Universal Analytics id, which Google has switched off; a GA4 property id is needed. "
            + _PROPERTY_ID_PLACE
        )
    return f"A property id is 1 to 18 digits and nothing else. {_PROPERTY_ID_PLACE}"


def checked_display_name(value: str) -> str:
    """Return `value` if it is one line that reads as it is written; joiners, as in emoji and Persian, may stand in it.

    Raises InvalidDataFlowError for control characters and for those that turn the direction of what follows.
    """
    if value.replace("\u200c", "").replace("\u200d", "").isprintable():
        return value
    raise InvalidDataFlowError(
        "A name is one line of visible characters: take out line breaks, control and direction characters.",
        reason="unprintable_name",
    )


def checked_identifier(name: str) -> str:
    """Return `name` if it may stand in SQL unquoted: lower case, digits, underscores, at most 63.

    Raises ValueError otherwise: identifiers are built from checked parts, so that is a defect.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is not a safe SQL identifier")
    return name


def quoted_identifier(name: str) -> str:
    """Return a database user's name in double quotes, for names such as `IAMR:role`.

    Raises ValueError when it holds a character that no user of ours has.
    """
    if not re.fullmatch(r"[A-Za-z0-9_:.@+=-]{1,127}", name):
        raise ValueError(f"{name!r} is not a database user's name")
    return f'"{name}"'


def column_name(api_name: str) -> str:
    """Return our snake_case name of a GA4 field: `sessionDefaultChannelGroup` → `session_default_channel_group`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", api_name.replace(":", "_"))
    return checked_identifier(spaced.lower())


def custom_report_slug(name: str) -> str:
    """Return the slug under which a property's custom report `name` is known everywhere.

    Raises InvalidDataFlowError when the name is not lower case letters, digits and underscores.
    """
    if not re.fullmatch(CUSTOM_NAME_PATTERN[1:-1], name, flags=re.ASCII):
        raise InvalidDataFlowError(
            "A custom report's name starts with a letter and holds only lower case letters, digits and "
            "underscores, at most 30.",
            reason="invalid_report_name",
        )
    return f"custom_{name}"


def landing_table(property_id: str, slug: str) -> str:
    """Return the landing table AppFlow fills for one report of one property, without its schema."""
    return checked_identifier(f"p{checked_property_id(property_id)}_{slug}")


def appflow_flow_name(property_id: str, slug: str) -> str:
    """Return the name of the scheduled AppFlow flow of one report of one property."""
    return f"ga4-{checked_property_id(property_id)}-{checked_identifier(slug)}"


def appflow_run_flow_name(property_id: str, slug: str, start_date: date, end_date: date, nonce: str) -> str:
    """Return the name of a short-lived OnDemand flow; `nonce` (8 hex digits) tells repeats apart."""
    if not re.fullmatch(r"[0-9a-f]{8}", nonce):
        raise ValueError(f"{nonce!r} is not 8 hex digits")
    return f"{appflow_flow_name(property_id, slug)}.{start_date:%Y%m%d}-{end_date:%Y%m%d}.{nonce}"


def unload_data_prefix(table: str, run_id: str) -> str:
    """Return the key prefix of an unload's data parts and their manifest."""
    return f"{_unload_prefix(table, run_id)}/data/"


def unload_control_prefix(table: str, run_id: str) -> str:
    """Return the key prefix of an unload's control rows; their manifest is what triggers the load."""
    return f"{_unload_prefix(table, run_id)}/control/"


def _unload_prefix(table: str, run_id: str) -> str:
    if not re.fullmatch(RUN_ID_PATTERN[1:-1], run_id):
        raise ValueError(f"{run_id!r} is not a run id (32 hex digits)")
    return f"{checked_identifier(table)}/{run_id}"

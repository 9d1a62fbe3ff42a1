"""The Admin API's methods: which accounts and properties there are."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from deploy.local.ga4.errors import invalid_argument
from deploy.local.ga4.properties import Property

_DEFAULT_PAGE_SIZE: Final = 50
_MAX_PAGE_SIZE: Final = 200
_CREATED_AT: Final = "2023-01-01T00:00:00Z"
_PARENT_FILTERS: Final = ("parent:accounts/", "ancestor:accounts/")


def property_json(prop: Property) -> dict[str, Any]:
    """Return the Property resource."""
    settings = prop.settings
    return {
        "name": f"properties/{settings.property_id}",
        "parent": f"accounts/{settings.account_id}",
        "account": f"accounts/{settings.account_id}",
        "displayName": settings.display_name,
        "timeZone": settings.time_zone,
        "currencyCode": settings.currency_code,
        "serviceLevel": settings.service_level,
        "propertyType": "PROPERTY_TYPE_ORDINARY",
        "createTime": _CREATED_AT,
        "updateTime": _CREATED_AT,
    }


def account_summaries_json(properties: Sequence[Property], page_size: str, page_token: str) -> dict[str, Any]:
    """Answer accountSummaries.list."""
    in_order = sorted(properties, key=lambda prop: (prop.settings.account_id, prop.property_id))
    summaries = [
        _account_summary(account_id, list(group))
        for account_id, group in groupby(in_order, key=lambda prop: prop.settings.account_id)
    ]
    return _page("accountSummaries", summaries, page_size, page_token)


def properties_json(properties: Sequence[Property], wanted: str, page_size: str, page_token: str) -> dict[str, Any]:
    """Answer properties.list; `wanted` is its filter, such as `parent:accounts/100`."""
    prefix = next((one for one in _PARENT_FILTERS if wanted.startswith(one)), None)
    if prefix is None:
        raise invalid_argument(f"The filter {wanted[:100]!r} is not supported. Write parent:accounts/<id>.")
    chosen = [property_json(one) for one in properties if one.settings.account_id == wanted.removeprefix(prefix)]
    return _page("properties", chosen, page_size, page_token)


def _account_summary(account_id: str, properties: list[Property]) -> dict[str, Any]:
    return {
        "name": f"accountSummaries/{account_id}",
        "account": f"accounts/{account_id}",
        "displayName": properties[0].settings.account_display_name,
        "propertySummaries": [
            {
                "property": f"properties/{prop.property_id}",
                "displayName": prop.settings.display_name,
                "propertyType": "PROPERTY_TYPE_ORDINARY",
                "parent": f"accounts/{account_id}",
            }
            for prop in properties
        ],
    }


def _page(member: str, items: list[dict[str, Any]], page_size: str, page_token: str) -> dict[str, Any]:
    size = min(_whole("pageSize", page_size) or _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE)
    first = _whole("pageToken", page_token)
    following = {"nextPageToken": str(first + size)} if first + size < len(items) else {}
    return {member: items[first : first + size], **following}


def _whole(name: str, text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise invalid_argument(f"The {name} {text[:40]!r} is invalid.")
    return int(text)

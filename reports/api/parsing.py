"""The two forms of a query: a JSON body, and repeated parameters for simple calls."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.http import QueryDict
from pydantic import ValidationError

from reports.api.problems import Problem
from reports.queries import Query

_SINGLE: Final = {"report": "report", "granularity": "granularity"}
_REPEATED: Final = {"property_id": "property_ids", "metric": "metrics", "dimension": "dimensions"}
_ONCE: Final = frozenset({*_SINGLE, "start_date", "end_date", "limit", "offset"})
_OTHERS: Final = _ONCE | {"filter", "order_by", "include"}


def parse_query(data: Any) -> Query:
    """Return the query in a decoded JSON body.

    Raises Problem `invalid-query` with a JSON pointer to what is wrong and what to do about it.
    """
    try:
        return Query.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        pointer = _pointer(*first["loc"])
        words = first["msg"].removesuffix(".")
        raise invalid_query(f"{pointer or 'The query'}: {words}.", pointer=pointer) from error


def parse_parameters(parameters: QueryDict) -> Query:
    """Return the query in an address: `property_id`, `metric`, `dimension`, `filter`, `order_by` and `include` repeat.

    A filter is written `country:is:Vietnam`, an order `sessions:desc`. Raises Problem `invalid-query`.
    """
    _check_names(parameters)
    data: dict[str, Any] = {member: parameters.getlist(name) for name, member in _REPEATED.items()}
    data |= {member: parameters[name] for name, member in _SINGLE.items() if name in parameters}
    data["date_range"] = [parameters.get("start_date"), parameters.get("end_date")]
    data["filters"] = [_filter(text) for text in parameters.getlist("filter")]
    data["order_by"] = [_order(text) for text in parameters.getlist("order_by")]
    data["include"] = dict.fromkeys(parameters.getlist("include"), True)
    data["pagination"] = {name: parameters[name] for name in ("limit", "offset") if name in parameters}
    return parse_query(data)


def _check_names(parameters: QueryDict) -> None:
    for name in sorted(parameters):
        if name not in _OTHERS and name not in _REPEATED:
            raise invalid_query(f"There is no parameter {name!r}.", pointer=_pointer(name))
        if name in _ONCE and len(parameters.getlist(name)) > 1:
            raise invalid_query(f"The parameter {name!r} stands twice: give it once.", pointer=_pointer(name))


def _pointer(*steps: int | str) -> str:
    """Return the JSON pointer (RFC 6901) to a member."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def invalid_query(detail: str, *, pointer: str = "", **members: Any) -> Problem:
    """Return the problem of a query that can't be read."""
    return Problem(HTTPStatus.BAD_REQUEST, "invalid-query", detail, pointer=pointer, **members)


def _filter(text: str) -> list[Any]:
    name, _, rest = text.partition(":")
    operator, separator, value = rest.partition(":")
    if not separator:
        raise invalid_query("A filter is written dimension:operator:value.", pointer="/filter")
    return [operator, name, [value]]


def _order(text: str) -> list[str]:
    name, _, way = text.partition(":")
    return [name, way or "asc"]


def query_members(query: Query) -> Mapping[str, Any]:
    """Return the query as it was resolved, defaults filled in, for the answer."""
    return query.model_dump(mode="json")

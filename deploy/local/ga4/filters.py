"""Filter expressions of a request, as masks over rows."""

import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.ga4.coded import NOT_SET, Booleans, Coded
from deploy.local.ga4.errors import invalid_argument
from deploy.local.ga4.values import MetricValues

Leaf = Callable[[Any], Booleans]

_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "EQUAL": operator.eq,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
}


def filter_mask(expression: Any, leaf: Leaf) -> Booleans | None:
    """Return the rows that a FilterExpression keeps, `leaf` answering for its single filters; None: all rows."""
    kind = expression.WhichOneof("expr")
    if kind is None:
        return None
    if kind == "filter":
        return leaf(expression.filter)
    if kind == "not_expression":
        return ~_required(expression.not_expression, leaf)
    masks = [_required(one, leaf) for one in getattr(expression, kind).expressions]
    if not masks:
        raise invalid_argument(f"The {kind} of a filter has no expressions.")
    combine = np.logical_and if kind == "and_group" else np.logical_or
    return np.asarray(combine.reduce(masks), dtype=np.bool_)


def filtered_fields(expression: Any) -> set[str]:
    """Return the names of the fields that a FilterExpression looks at."""
    kind = expression.WhichOneof("expr")
    if kind is None:
        return set()
    if kind == "filter":
        return {expression.filter.field_name}
    if kind == "not_expression":
        return filtered_fields(expression.not_expression)
    return {name for one in getattr(expression, kind).expressions for name in filtered_fields(one)}


def dimension_rows(column: Coded, condition: Any) -> Booleans:
    """Return the rows of a dimension that one Filter keeps.

    Raises GoogleApiError (INVALID_ARGUMENT) for a filter that is not for text.
    """
    kind = condition.WhichOneof("one_filter")
    if kind == "string_filter":
        return _matching(column, condition.string_filter)
    if kind == "in_list_filter":
        folded = _folding(condition.in_list_filter.case_sensitive)
        wanted = {folded(value) for value in condition.in_list_filter.values}
        return column.where(lambda value: folded(value) in wanted)
    if kind == "empty_filter":
        return column.where(lambda value: value in {"", NOT_SET})
    raise invalid_argument(f"The dimension {condition.field_name} needs a string, inList or empty filter.")


def metric_rows(values: MetricValues, condition: Any) -> Booleans:
    """Return the report rows that one Filter on a metric keeps.

    Raises GoogleApiError (INVALID_ARGUMENT) for a filter that is not for numbers.
    """
    kind = condition.WhichOneof("one_filter")
    if kind == "numeric_filter":
        name = type(condition.numeric_filter).Operation.Name(condition.numeric_filter.operation)
        if name not in _COMPARISONS:
            raise invalid_argument(f"The numericFilter on {condition.field_name} has no operation.")
        limit = _number(condition.numeric_filter.value) * values.unit()
        return np.asarray(_COMPARISONS[name](values.numbers, limit), dtype=np.bool_)
    if kind == "between_filter":
        low = _number(condition.between_filter.from_value) * values.unit()
        high = _number(condition.between_filter.to_value) * values.unit()
        return np.asarray((values.numbers >= low) & (values.numbers <= high), dtype=np.bool_)
    raise invalid_argument(f"The metric {condition.field_name} needs a numeric or between filter.")


def _required(expression: Any, leaf: Leaf) -> Booleans:
    mask = filter_mask(expression, leaf)
    if mask is None:
        raise invalid_argument("A filter expression inside a group or a notExpression is empty.")
    return mask


def _matching(column: Coded, wanted: Any) -> Booleans:
    match_type = type(wanted).MatchType.Name(wanted.match_type)
    if match_type.endswith("REGEXP"):
        return _matching_pattern(column, wanted.value, match_type, wanted.case_sensitive)
    folded = _folding(wanted.case_sensitive)
    value = folded(wanted.value)
    predicates: dict[str, Callable[[str], bool]] = {
        "BEGINS_WITH": lambda text: folded(text).startswith(value),
        "ENDS_WITH": lambda text: folded(text).endswith(value),
        "CONTAINS": lambda text: value in folded(text),
    }
    return column.where(predicates.get(match_type, lambda text: folded(text) == value))


def _matching_pattern(column: Coded, pattern: str, match_type: str, case_sensitive: bool) -> Booleans:
    """Match with RE2, as Google does: no pattern can hang the service."""
    whole = rf"^(?:{pattern})$" if match_type == "FULL_REGEXP" else pattern
    texts = pa.array(column.values, type=pa.string())
    try:
        found = pc.match_substring_regex(texts, whole, ignore_case=not case_sensitive)
    except pa.ArrowInvalid as error:
        raise invalid_argument(f"Invalid regular expression {pattern[:100]!r}: {error}") from error
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)[column.codes]


def _folding(case_sensitive: bool) -> Callable[[str], str]:
    return str if case_sensitive else str.casefold


def _number(value: Any) -> float:
    return float(value.int64_value if value.WhichOneof("one_value") == "int64_value" else value.double_value)

"""Queries and data changes: the rules that turn a Redshift syntax tree into one PostgreSQL runs alike."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from deploy.local.redshift import functions
from deploy.local.redshift.column_types import fold, postgres_type, varchar_bytes
from deploy.local.redshift.errors import SqlNotSupported

_Type = exp.DataType.Type
_REFUSED: dict[type[exp.Expr], str] = {
    exp.Filter: "FILTER (WHERE …): use CASE inside the aggregate",
    exp.Lateral: "LATERAL",
    exp.OnConflict: "ON CONFLICT: use MERGE, or DELETE and INSERT in one transaction",
    exp.Returning: "RETURNING",
    exp.Lock: "SELECT … FOR UPDATE: use LOCK",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.Array: "ARRAY as PostgreSQL writes it",
}
_NOT_EMULATED: dict[type[exp.Expr], str] = {
    exp.Pivot: "PIVOT",
    exp.Bracket: "navigation into SUPER",
    exp.Unnest: "unnesting of SUPER",
    exp.IgnoreNulls: "IGNORE NULLS",
    exp.Placeholder: "a parameter other than $1, $2, …",
    exp.Command: "this form of the statement",
}


def translate_tree(tree: exp.Expr) -> exp.Expr:
    """Return the tree in PostgreSQL's terms; raise SqlNotSupported for what can't be translated.

    Children come before their parents, so that a rule only ever sees translated children.
    """
    _check_shape(tree)
    for node in reversed(list(tree.walk(bfs=True))):
        changed = _translate_node(node)
        if changed is node:
            continue
        if node is tree:
            tree = changed
        else:
            node.replace(changed)
    return tree


def _translate_node(node: exp.Expr) -> exp.Expr:
    rule = _RULES.get(type(node))
    return rule(node) if rule else node


def _check_shape(tree: exp.Expr) -> None:
    for node in tree.walk():
        if reason := _REFUSED.get(type(node)):
            raise SqlNotSupported(f"Redshift doesn't support {reason}")
        if reason := _NOT_EMULATED.get(type(node)):
            raise SqlNotSupported(f"{reason} isn't supported by the stand-in")
        if isinstance(node, exp.Distinct) and node.args.get("on"):
            raise SqlNotSupported("Redshift doesn't support DISTINCT ON: use QUALIFY ROW_NUMBER()")
        if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
            raise SqlNotSupported("Redshift doesn't support VALUES as a table: use SELECT … UNION ALL SELECT …")
        if isinstance(node, exp.Qualify) and any(isinstance(column, exp.Star) for column in node.parent_select.selects):  # type: ignore[union-attr]
            raise SqlNotSupported("QUALIFY with SELECT * isn't supported by the stand-in: name the columns")
        if isinstance(node, exp.Merge):
            _check_merge(node)


def _check_merge(merge: exp.Merge) -> None:
    if not isinstance(merge.args["using"], exp.Table):
        raise SqlNotSupported("MERGE: Redshift takes a table as source, not a subquery")
    matched = {bool(when.args.get("matched")) for when in merge.args["whens"].expressions}
    if matched != {True, False} or len(merge.args["whens"].expressions) != 2:
        raise SqlNotSupported("MERGE: Redshift wants one WHEN MATCHED and one WHEN NOT MATCHED", "42601")


def _cast(cast: exp.Cast) -> exp.Expr:
    kind = cast.to
    target = postgres_type(kind)
    length = varchar_bytes(kind, None) if target.is_type("varchar") else None
    value = cast.this
    if length is not None:
        value = functions.emulated("left_bytes", exp.cast(value, _Type.TEXT, copy=False), exp.Literal.number(length))
    return exp.Cast(this=value, to=target)


def _try_cast(cast: exp.TryCast) -> exp.Expr:
    target = postgres_type(cast.to)
    text = exp.cast(cast.this, _Type.TEXT, copy=False)
    bounds = _INTEGER_BOUNDS.get(target.this)
    if bounds:
        value = functions.emulated("try_cast_integer", text, *(exp.Literal.number(bound) for bound in bounds))
    elif target.is_type("decimal"):
        sizes = [exp.Literal.number(size.name) for size in target.expressions]
        value = functions.emulated("try_cast_decimal", text, *sizes)
    elif target.this in _TRIED:
        value = functions.emulated(_TRIED[target.this], text)
    else:
        raise SqlNotSupported(f"TRY_CAST to {cast.to.sql(dialect='redshift')} isn't known to the stand-in")
    return exp.Cast(this=value, to=target)


_INTEGER_BOUNDS = {
    _Type.SMALLINT: (-(2**15), 2**15 - 1),
    _Type.INT: (-(2**31), 2**31 - 1),
    _Type.BIGINT: (-(2**63), 2**63 - 1),
}
_TRIED = {
    _Type.DATE: "try_cast_date",
    _Type.TIMESTAMP: "try_cast_timestamp",
    _Type.DOUBLE: "try_cast_double",
}


def _current_timestamp(node: exp.CurrentTimestamp) -> exp.Expr:
    if not node.args.get("sysdate"):
        raise SqlNotSupported("CURRENT_TIMESTAMP runs on Redshift's leader node only: use GETDATE() or SYSDATE")
    return functions.emulated("sysdate")


def _extract(node: exp.Extract) -> exp.Expr:
    whole = exp.Floor(this=node.copy())
    return exp.cast(whole, _Type.BIGINT if node.name.upper() == "EPOCH" else _Type.INT)


def _into(into: exp.Into) -> exp.Expr:
    into.set("temporary", into.this.name.startswith("#"))
    return into


_RULES: dict[type[exp.Expr], Callable[[Any], exp.Expr]] = {
    exp.Identifier: fold,
    exp.Anonymous: functions.translate_function,
    exp.Window: functions.translate_window,
    exp.WithinGroup: functions.translate_within_group,
    exp.TryCast: _try_cast,
    exp.Cast: _cast,
    exp.CurrentTimestamp: _current_timestamp,
    exp.Extract: _extract,
    exp.Into: _into,
}

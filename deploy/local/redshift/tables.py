"""CREATE, ALTER TABLE and views: physical clauses and keys go, Redshift's own checks come."""

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from deploy.local.redshift.column_types import (
    DEFAULT_VARCHAR_BYTES,
    check_name,
    column_check,
    fold,
    postgres_type,
)
from deploy.local.redshift.dialect import Source, fold_identifiers, parse, read, to_postgres
from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.expressions import translate_tree

_KEYS = (exp.PrimaryKey, exp.UniqueColumnConstraint, exp.ForeignKey, exp.Reference, exp.PrimaryKeyColumnConstraint)


def translate_create_table(source: Source) -> str:
    """Return CREATE TABLE, with or without AS, as PostgreSQL runs it."""
    create = parse(without_physical_clauses(source))
    if not isinstance(create, exp.Create):
        raise SqlNotSupported("this form of CREATE TABLE isn't supported by the stand-in")
    table = create.this
    if table.find(exp.Table).name.startswith("#"):
        create.set("properties", exp.Properties(expressions=[exp.TemporaryProperty()]))
    if isinstance(table, exp.Schema) and create.expression is None:
        _translate_columns(table)
    return to_postgres(translate_tree(create)) if create.expression else to_postgres(_fold_names(create))


def translate_create_view(source: Source) -> str:
    """Return CREATE VIEW as PostgreSQL runs it; late binding isn't emulated: its tables must exist."""
    words = source.words
    if words[-4:] == ["WITH", "NO", "SCHEMA", "BINDING"]:
        source = source.without([(len(words) - 4, len(words))])
    return to_postgres(translate_tree(parse(source)))


def translate_alter_table(source: Source) -> str:
    """Return ALTER TABLE as PostgreSQL runs it; physical and key changes only check table and ownership."""
    words = source.words
    action = words[_after_table_name(words) :]
    match action:
        case ["ADD", "COLUMN", *_]:
            return _add_column(source)
        case ["ALTER", "COLUMN", _, "TYPE", *_]:
            return _alter_type(source)
        case ["ALTER", "COLUMN", _, "ENCODE", *_] | ["ALTER", "DISTKEY" | "DISTSTYLE" | "SORTKEY" | "ENCODE", *_]:
            return _touch(source)
        case ["ALTER", "COMPOUND", "SORTKEY", *_]:
            return _touch(source)
        case ["ADD", "PRIMARY KEY" | "UNIQUE" | "FOREIGN KEY" | "CONSTRAINT", *_]:
            return _touch(source)
        case ["DROP", "COLUMN", *_] | ["RENAME", "TO", _] | ["OWNER", "TO", _]:
            return fold_identifiers(source)
    raise SqlNotSupported(f"ALTER TABLE … {' '.join(action[:2])} isn't supported by the stand-in")


def without_physical_clauses(source: Source) -> Source:
    """Return the statement without ENCODE, DISTSTYLE, DISTKEY, SORTKEY and BACKUP (up to a query after AS)."""
    words = [token.text.upper() if token.token_type != TokenType.IDENTIFIER else "" for token in source.tokens]
    spans = []
    position = 3
    while position < len(words) and not (words[position] == "AS" and words[position - 1] not in ("BY", "DEFAULT")):
        end = _physical_clause_end(words, position)
        if end > position:
            spans.append((position, end))
        position = max(end, position + 1)
    return source.without(spans) if spans else source


def _physical_clause_end(words: list[str], at: int) -> int:
    start = at
    if words[at] in ("COMPOUND", "INTERLEAVED") and words[at + 1 : at + 2] == ["SORTKEY"]:
        at += 1
    if words[at] in ("ENCODE", "DISTSTYLE", "BACKUP"):
        return at + 2
    if words[at] not in ("DISTKEY", "SORTKEY"):
        return start
    if words[at + 1 : at + 2] == ["("]:
        return words.index(")", at) + 1
    return at + (2 if words[at + 1 : at + 2] == ["AUTO"] else 1)


def _translate_columns(schema: exp.Schema) -> None:
    required = {name.name.lower() for key in schema.find_all(exp.PrimaryKey) for name in key.expressions}
    kept: list[exp.Expr] = []
    for part in schema.expressions:
        if isinstance(part, exp.ColumnDef):
            kept.append(_translate_column(part, part.name.lower() in required))
        elif isinstance(part, exp.LikeProperty):
            kept.append(_like(part))
        elif not isinstance(part, (*_KEYS, exp.Constraint)):
            raise SqlNotSupported(f"{part.sql(dialect='redshift')} isn't supported in a table by the stand-in")
    schema.set("expressions", kept)


def _like(like: exp.LikeProperty) -> exp.LikeProperty:
    checks = exp.Property(this="INCLUDING", value=exp.Var(this="CONSTRAINTS"))
    like.set("expressions", [*like.expressions, checks])
    return like


def _translate_column(column: exp.ColumnDef, is_required: bool = False) -> exp.ColumnDef:
    """Return the column with its type, without keys, with the check Redshift's type implies."""
    fold(column.this)
    kind = column.kind
    if kind is None:
        raise SqlNotSupported(f"column {column.name} has no type", "42601")
    check = column_check(column.name, kind)
    constraints = [_translate_constraint(constraint) for constraint in column.constraints]
    kept = [constraint for constraint in constraints if constraint is not None]
    has_not_null = any(isinstance(constraint.kind, exp.NotNullColumnConstraint) for constraint in kept)
    if is_required and not has_not_null:
        kept.append(exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
    if check:
        kept.append(_check_constraint(column.name, check))
    column.set("kind", postgres_type(kind, DEFAULT_VARCHAR_BYTES))
    column.set("constraints", kept)
    return column


def _translate_constraint(constraint: exp.ColumnConstraint) -> exp.ColumnConstraint | None:
    kind = constraint.kind
    if isinstance(kind, exp.PrimaryKeyColumnConstraint):
        return exp.ColumnConstraint(kind=exp.NotNullColumnConstraint())
    if isinstance(kind, _KEYS):
        return None
    if isinstance(kind, exp.CheckColumnConstraint):
        raise SqlNotSupported("Redshift doesn't support CHECK constraints", "42601")
    if isinstance(kind, exp.DefaultColumnConstraint):
        kind.set("this", translate_tree(kind.this.copy()))
    return constraint


def _check_constraint(column: str, check: str) -> exp.ColumnConstraint:
    condition = parse(read(f"SELECT {check.removeprefix('CHECK ')}")).selects[0]  # type: ignore[attr-defined]
    return exp.ColumnConstraint(
        this=exp.to_identifier(check_name(column)), kind=exp.CheckColumnConstraint(this=condition.unnest())
    )


def _fold_names(tree: exp.Expr) -> exp.Expr:
    for identifier in tree.find_all(exp.Identifier):
        fold(identifier)
    return tree


def _after_table_name(words: list[str]) -> int:
    return 5 if words[3:4] == ["."] else 3


def _table_name(source: Source) -> str:
    end = _after_table_name(source.words)
    return fold_identifiers(read(source.sql[source.tokens[2].start : source.tokens[end - 1].end + 1]))


def _touch(source: Source) -> str:
    return f"ALTER TABLE {_table_name(source)} SET (fillfactor = 100)"


def _add_column(source: Source) -> str:
    alter = parse(without_physical_clauses(source))
    columns = [action for action in alter.args.get("actions", []) if isinstance(action, exp.ColumnDef)]
    if len(columns) != 1:
        raise SqlNotSupported("ALTER TABLE … ADD COLUMN takes one column at a time in Redshift", "42601")
    _translate_column(columns[0])
    return to_postgres(_fold_names(alter))


def _alter_type(source: Source) -> str:
    alter = parse(source).find(exp.AlterColumn)
    if alter is None or not alter.args["dtype"].is_type("varchar"):
        raise SqlNotSupported("Redshift changes the type of VARCHAR columns only, to a longer VARCHAR")
    name = fold(alter.this).name
    kind = alter.args["dtype"]
    column = exp.to_identifier(name, quoted=True).sql(dialect="postgres")
    return (
        f"ALTER TABLE {_table_name(source)} DROP CONSTRAINT IF EXISTS {check_name(name)}, "
        f"ALTER COLUMN {column} TYPE {postgres_type(kind, DEFAULT_VARCHAR_BYTES).sql(dialect='postgres')}, "
        f"ADD CONSTRAINT {check_name(name)} {column_check(name, kind)}"
    )

"""Statements as Snowflake means them, where fakesnow gives DuckDB something else."""

from decimal import Decimal
from typing import Any

import fakesnow.copy_into
import fakesnow.cursor
import fakesnow.server as server
import fakesnow.transforms
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

from scripts.local_stack.patches import Original, replace

Cursor = fakesnow.cursor.FakeSnowflakeCursor

# Parameters of a session that change no result: they are accepted and do nothing.
WITHOUT_EFFECT = {
    *("QUERY_TAG", "LOCK_TIMEOUT", "STATEMENT_TIMEOUT_IN_SECONDS", "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS"),
    *("USE_CACHED_RESULT", "ABORT_DETACHED_QUERY", "CLIENT_SESSION_KEEP_ALIVE", "CLIENT_PREFETCH_THREADS"),
    *("CLIENT_RESULT_CHUNK_SIZE", "CLIENT_MEMORY_LIMIT"),
}
TEXTS = {exp.DataType.Type[name] for name in ("VARCHAR", "TEXT", "CHAR", "NCHAR", "NVARCHAR")}


def refuse_division_by_zero(statement: exp.Expr) -> None:
    """Let a division by zero raise an error: DuckDB makes infinity or NULL of it."""
    for projection in statement.selects if isinstance(statement, exp.Select) else ():
        if not isinstance(projection, exp.Alias | exp.Subquery) and projection.find(exp.Div, exp.Mod):
            # The column keeps the name that it has without what is added below.
            projection.replace(exp.alias_(projection.copy(), projection.sql("snowflake").upper(), quoted=True))
    for division in reversed(list(statement.find_all(exp.Div, exp.Mod))):
        divisor = division.expression
        if not (isinstance(divisor, exp.Literal) and not divisor.is_string and Decimal(divisor.name)):
            error = exp.Anonymous(this="error", expressions=[exp.Literal.string("Division by zero")])
            is_zero = exp.EQ(this=divisor.copy(), expression=exp.Literal.number(0))
            division.set("expression", exp.Case(ifs=[exp.If(this=is_zero, true=error)], default=divisor.copy()))


def check_lengths(statement: exp.Expr) -> None:
    """Let a new table refuse texts longer than its VARCHAR(n): DuckDB ignores the length."""
    if isinstance(statement, exp.Create) and isinstance(statement.this, exp.Schema):
        for column in statement.this.find_all(exp.ColumnDef):
            kind = column.args.get("kind")
            if kind and kind.this in TEXTS and (length := kind.find(exp.DataTypeParam)):
                fits = exp.LTE(this=exp.Length(this=exp.column(column.this.copy())), expression=length.this.copy())
                column.append("constraints", exp.ColumnConstraint(kind=exp.CheckColumnConstraint(this=fits)))


def set_session_parameters(cursor: Any, statement: exp.AlterSession) -> None:
    """ALTER SESSION SET or UNSET: accept what changes no result, apply TIMEZONE, refuse the rest by name."""
    for item in statement.expressions:
        assignment = item.this
        name = (assignment.this if isinstance(assignment, exp.EQ) else assignment).name.upper()
        if name == "TIMEZONE":
            zone = "UTC" if statement.args.get("unset") else assignment.expression.name
            cursor._duck_conn.execute(f"SET TimeZone = {exp.Literal.string(zone).sql()}")
        elif name not in WITHOUT_EFFECT:
            raise ProgrammingError(
                msg=f"SQL compilation error:\ninvalid parameter '{name}': the embedded Snowflake knows TIMEZONE, "
                f"AUTOCOMMIT and those without effect: {', '.join(sorted(WITHOUT_EFFECT))}.",
                errno=1420,
                sqlstate="22023",
            )


def _transform(transform: Original, cursor: Any, statement: exp.Expr, params: Any) -> exp.Expr:
    """Give DuckDB what fakesnow makes of a statement, and with it what Snowflake would refuse."""
    session = statement.find(exp.AlterSession)
    if session and not {"AUTOCOMMIT", "QUOTED_IDENTIFIERS_IGNORE_CASE"} & {
        name.name.upper() for name in session.find_all(exp.Identifier, exp.Var)
    }:
        set_session_parameters(cursor, session)
        return fakesnow.transforms.transforms.SUCCESS_NOP.copy()
    transformed: exp.Expr = transform(cursor, statement, params)
    refuse_division_by_zero(transformed)
    check_lengths(transformed)
    return transformed


def _identifier(identifier: Original, node: exp.Expr, params: Any) -> exp.Expr:
    """IDENTIFIER('"A"."B"."C"'), as write_pandas names its stage, is three names; fakesnow makes one of them."""
    named: exp.Expr = identifier(node, params)
    if named is not node and '"."' in named.name:
        return exp.to_table(f'"{named.name}"', dialect="snowflake")
    return named


def _stage_in_quotes(from_source: Original, copy: exp.Copy) -> str:
    """COPY INTO … FROM (SELECT … FROM '@stage'), as write_pandas writes it, is the same without the quotes."""
    source = copy.args["files"][0].this
    if isinstance(source, exp.Select):
        table = source.args["from_"].this.this
        if isinstance(table, exp.Literal) and table.name.startswith("@"):
            return str(table.name)
    return str(from_source(copy))


def _exact_sum(cast: Original, node: exp.Expr) -> exp.Expr:
    """SUM of whole numbers and decimals is exact: take back the cast to a float, and keep the column's name."""
    cast_node: exp.Expr = cast(node)
    for added in cast_node.find_all(exp.TryCast):
        if added.to.this == exp.DataType.Type.DOUBLE and isinstance(added.parent, exp.AggFunc):
            added.replace(added.this)
    return cast_node


def _bound_value(from_binding: Original, binding: dict[str, Any]) -> Any:
    """A bound value: fakesnow knows no NULL, fraction or float."""
    kind, value = binding["type"], binding["value"]
    if value is None:
        return None
    if kind == "FIXED":
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else number
    return float(value) if kind == "REAL" else from_binding(binding)


def install() -> None:
    """Patch fakesnow in this process."""
    replace(Cursor, "_transform", _transform)
    replace(fakesnow.transforms, "identifier", _identifier)
    replace(fakesnow.transforms, "numeric_agg_implicit_cast", _exact_sum)
    replace(fakesnow.copy_into, "_from_source", _stage_in_quotes)
    replace(server, "from_binding", _bound_value)

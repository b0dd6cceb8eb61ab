"""SQL files: the one table or view that each makes, and what it reads. Nothing is run here.

A file is one `CREATE OR REPLACE TABLE … AS` or `CREATE OR REPLACE VIEW … AS`. Or it replaces the rows of an interval:
`DELETE FROM t WHERE c >= :start AND c < :end` and `INSERT INTO t SELECT …`; a `CREATE TABLE IF NOT EXISTS t (…)` may
come before them, for the first run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from flows.shared.errors import DataFlowsError
from flows.shared.sql.statements import PARAMETERS, ProblemError, Statement, parameter_of, read_statements

ROOT = Path(__file__).parents[3]
FORMS = (
    "`CREATE OR REPLACE TABLE … AS SELECT …`, `CREATE OR REPLACE VIEW … AS SELECT …`, or `DELETE FROM t WHERE c >= "
    ":start AND c < :end; INSERT INTO t SELECT …` with or without `CREATE TABLE IF NOT EXISTS t (…);` before it"
)


class SqlFilesError(DataFlowsError):
    """The files cannot be run; the message lists every problem with its file and line. Nothing was run."""


@dataclass(frozen=True)
class SqlFile:
    """A file that makes `table`, named in full as `DATABASE.SCHEMA.NAME`; `reads` are named so, too.

    Of an interval file, the last two statements are DELETE and INSERT, and `counted` says how many rows the table has
    in the interval. Of another file it is None.
    """

    path: str
    table: str
    reads: tuple[str, ...]
    statements: tuple[Statement, ...]
    counted: Statement | None = None

    @property
    def place(self) -> str:
        """File and line at which its first statement begins."""
        return f"{self.path}:{self.statements[0].line}"


def read_folder(folder: Path, database: str, schema: str) -> list[SqlFile]:
    """Every .sql file at any depth of the folder, in order of their paths.

    `database`, `schema`: of names that say none, as the settings have them. Raises SqlFilesError.
    """
    paths = sorted(path for path in folder.rglob("*.sql") if path.is_file())
    problems = [] if paths else [f"{_shown(folder)}: got no file that ends with .sql; expected at least one."]
    files = []
    for path in paths:
        try:
            files.append(_read(path, (database.upper(), schema.upper())))
        except ProblemError as problem:
            problems.append(f"{_shown(path)}:{problem.line}: {problem}.")
    if problems:
        raise SqlFilesError("\n".join(problems))
    return files


def _shown(path: Path) -> str:
    return (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).as_posix()


def _read(path: Path, place: tuple[str, str]) -> SqlFile:
    read = list(read_statements(path.read_text()))
    if not read:
        raise ProblemError(1, f"got no statement; expected {FORMS}")
    trees, statements = zip(*read, strict=True)
    lines = [statement.line for statement in statements]
    is_interval = [type(tree) for tree in trees[-2:]] == [exp.Delete, exp.Insert]
    if not (_is_interval(trees, statements) if is_interval else len(trees) == 1 and _is_replacement(trees[0])):
        more = f" and {len(trees) - 1} more" if len(trees) > 1 else ""
        raise ProblemError(lines[0], f"got `{statements[0].beginning}`{more}; expected {FORMS}")
    for tree, statement in read:
        if isinstance(tree, exp.Create) and statement.parameters:
            raise ProblemError(
                statement.line, f"got :{statement.parameters[0]} in a CREATE; expected it in DELETE and INSERT only"
            )
    tables = dict(zip([_full_name(_target(tree), place) for tree in trees], lines, strict=True))
    if len(tables) > 1:
        raise ProblemError(max(tables.values()), f"got statements about {' and '.join(tables)}; expected one table")
    [table] = tables
    reads = tables_read(trees[-1].expression, place)
    if table in reads:
        raise ProblemError(
            lines[-1], f"got {table}, which is made here, among what is read; expected other tables only"
        )
    return SqlFile(_shown(path), table, reads, statements, _count(statements[-2]) if is_interval else None)


def _is_replacement(tree: Any) -> bool:
    """Whether it is a CREATE OR REPLACE … AS of a table or view that stays and is filled by this statement."""
    if not isinstance(tree, exp.Create) or not isinstance(tree.expression, exp.Query):
        return False
    properties = tree.args.get("properties")
    kinds = {type(each) for each in properties.expressions} if properties else set()
    lasts = not kinds & {exp.TemporaryProperty, exp.DynamicProperty}
    return tree.kind in ("TABLE", "VIEW") and bool(tree.args.get("replace")) and lasts


def _is_interval(trees: tuple[Any, ...], statements: tuple[Statement, ...]) -> bool:
    """Whether it replaces a half-open interval, with at most the table's CREATE before."""
    *before, delete, insert = trees
    for create in before:
        is_create = isinstance(create, exp.Create) and create.kind == "TABLE" and create.args.get("exists")
        if not is_create or not isinstance(create.this, exp.Schema) or len(before) > 1:
            return False
    if not _deletes_interval(delete):
        raise ProblemError(
            statements[-2].line,
            "got another DELETE; expected `WHERE c >= :start AND c < :end` of a column c",
        )
    return isinstance(insert.expression, exp.Query) and not insert.args.get("overwrite")


def _deletes_interval(delete: exp.Delete) -> bool:
    where = delete.args.get("where")
    both = where.this if where else None
    if not isinstance(both, exp.And) or delete.args.get("using"):
        return False
    low, high = both.left, both.right
    return (
        isinstance(low, exp.GTE)
        and isinstance(high, exp.LT)
        and isinstance(low.this, exp.Column)
        and low.this == high.this
        and (parameter_of(low.expression), parameter_of(high.expression)) == PARAMETERS
    )


def _count(delete: Statement) -> Statement:
    """The statement that counts what the DELETE would delete."""
    text, template = (f"SELECT COUNT(*) {sql[len('DELETE') :]}" for sql in (delete.text, delete.template))
    return Statement(delete.line, text, template, delete.parameters)


def _target(tree: exp.Expr) -> exp.Expr:
    return tree.this.this if isinstance(tree.this, exp.Schema) else tree.this  # type: ignore[no-any-return]


def tables_read(query: exp.Expr, place: tuple[str, str]) -> tuple[str, ...]:
    """Tables and views that a query reads, named in full, its own CTEs and table functions left out."""
    sources = [source for scope in traverse_scope(query) for source in scope.sources.values()]
    tables = [each for each in sources if isinstance(each, exp.Table) and isinstance(each.this, exp.Identifier)]
    return tuple(dict.fromkeys(_full_name(each, place) for each in tables))


def _full_name(table: Any, place: tuple[str, str]) -> str:
    """The name in full; Snowflake reads names without quotes in upper case."""
    parts = [part.name if part.args.get("quoted") else part.name.upper() for part in table.parts]
    return ".".join([*place[: 3 - len(parts)], *parts])

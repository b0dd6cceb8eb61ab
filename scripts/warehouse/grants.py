"""The privileges that an environment's role needs: those that its declared data sets, exports and SQL files take."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import sqlglot
from sqlglot.errors import SqlglotError

from flows.shared.sql.files import SqlFile, SqlFilesError, read_folder, tables_read
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal
from scripts.warehouse.quoting import full_name


class Grant(NamedTuple):
    """A privilege on something; `kind` as SHOW GRANTS writes it. Of a TABLE, the privilege may be on a view as well."""

    privilege: str
    kind: str
    name: tuple[str, ...]


class Needs(NamedTuple):
    """Schemas in which flows make tables, the environment's first, and the privileges of the role."""

    schemas: tuple[str, ...]
    grants: tuple[Grant, ...]


def needs(
    place: Mapping[str, str],
    data: Collection[Mapping[str, str]],
    files: Sequence[SqlFile],
    reads: Collection[str] = (),
    *,
    makes_schemas: bool = False,
) -> Needs:
    """What runs need. `place`: database, schema, warehouse and role in upper case; `data`: what flow files declare;
    `reads`: tables in full that they read besides; `makes_schemas`: whether tries as somebody may make theirs.

    Raises:
        Refusal: a query cannot be read, or a table is made in another database.
    """
    database, schema = place["database"], place["schema"]
    landings = {(each["schema"] or schema, each["table"]) for each in data if each["kind"] == "landing"}
    sql_files = {full_name(each.table, each.path): each for each in files}
    for name, each in sql_files.items():
        if name[0] != database:
            raise Refusal(f"{each.place}: got a table in {name[0]}; expected one in {database}, the environment's.")
    made = {(database, *each) for each in landings} | set(sql_files)
    schemas = tuple(dict.fromkeys([schema, *sorted(name[1] for name in made)]))
    with_views = {name[1] for name, each in sql_files.items() if _is_view(each)}
    # What no file makes belongs to somebody else. A flow's own table that no file declares is the role's already.
    read = sorted({*_read_by_queries(data, (database, schema)), *_read_by_files(files), *_named(reads)} - made)
    return Needs(schemas, tuple(dict.fromkeys(_grants(place, schemas, with_views, read, makes_schemas))))


def _grants(
    place: Mapping[str, str],
    schemas: tuple[str, ...],
    with_views: Collection[str],
    read: Sequence[tuple[str, str, str]],
    makes_schemas: bool,
) -> Iterator[Grant]:
    database = place["database"]
    yield Grant("USAGE", "WAREHOUSE", (place["warehouse"],))
    yield Grant("USAGE", "DATABASE", (database,))
    if makes_schemas:
        yield Grant("CREATE SCHEMA", "DATABASE", (database,))
    for schema in schemas:
        yield Grant("USAGE", "SCHEMA", (database, schema))
        yield Grant("CREATE TABLE", "SCHEMA", (database, schema))
        if schema in with_views:
            yield Grant("CREATE VIEW", "SCHEMA", (database, schema))
    for name in read:
        yield Grant("USAGE", "DATABASE", name[:1])
        yield Grant("USAGE", "SCHEMA", name[:2])
        yield Grant("SELECT", "TABLE", name)


def _is_view(file: SqlFile) -> bool:
    return sqlglot.parse_one(file.statements[0].text, dialect="snowflake").args.get("kind") == "VIEW"


def _read_by_queries(data: Collection[Mapping[str, str]], place: tuple[str, str]) -> Iterator[tuple[str, str, str]]:
    for each in data:
        if each["kind"] == "landing":
            continue
        what = f"{each['kind'].capitalize()} {each['name']}"
        try:
            query = sqlglot.parse_one(each["query"], dialect="snowflake")
            yield from (full_name(name, what) for name in tables_read(query, place))
        except SqlglotError as error:
            said = str(error).partition("\n")[0]
            raise Refusal(f"{what}: got a query that cannot be read ({said}); expected SQL of Snowflake.") from None


def _read_by_files(files: Sequence[SqlFile]) -> Iterator[tuple[str, str, str]]:
    yield from (full_name(name, each.path) for each in files for name in each.reads)


def _named(reads: Collection[str]) -> Iterator[tuple[str, str, str]]:
    yield from (full_name(name.upper(), "snowflake.setup.reads") for name in reads)


def sql_files(place: Mapping[str, str], root: Path = ROOT) -> list[SqlFile]:
    """The files of every folder of SQL below flows/; names that begin with `_` are not looked into.

    Raises:
        Refusal: with every problem of such a file.
    """
    flows = root / "flows"
    folders = sorted({path.parent for path in flows.rglob("*.sql")})
    folders = [each for each in folders if not any(part[0] in "_." for part in each.relative_to(flows).parts)]
    folders = [each for each in folders if not any(other in each.parents for other in folders)]
    try:
        return [file for each in folders for file in read_folder(each, place["database"], place["schema"])]
    except SqlFilesError as error:
        raise Refusal(str(error)) from None

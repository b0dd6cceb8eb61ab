"""Errors as Snowflake tells them: HTTP 200 with code, SQL state and sentence, whatever DuckDB and fakesnow raise.

The connector makes a ProgrammingError of that at once. HTTP 500, which fakesnow answers, it repeats until its timeout.
"""

import logging
import re
from typing import Any, NamedTuple

import duckdb
import fakesnow.cursor
import fakesnow.server as server
from snowflake.connector.errors import Error, ProgrammingError
from sqlglot.errors import SqlglotError
from starlette.requests import Request
from starlette.responses import JSONResponse

from scripts.local_stack.patches import Original, replace

logger = logging.getLogger("uvicorn.error")


class Rule(NamedTuple):
    """What DuckDB says, as a pattern, and Snowflake's code, SQL state and sentence for it."""

    pattern: str
    code: int
    state: str
    sentence: str


# No code that is worth a retry (docs/retries.md).
UNSUPPORTED = 2, "0A000"
COMPILATION = r"SQL compilation error:\n"
# The first that fits counts.
RULES = [
    Rule(r"Error: Division by zero$", 100051, "22012", "Division by zero"),
    Rule(r"(?i)malformed JSON(.*)", 100069, "22P02", r"Error parsing JSON:\1"),
    Rule(r"NOT NULL constraint failed: \S*?(\w+)$", 100072, "22000", r"NULL result in a non-nullable column: \1"),
    Rule(r"CHECK constraint failed", 100078, "22000", "String is too long and would be truncated"),
    Rule(r"convert string .(.*). to BOOL", 100037, "22018", r"Boolean value '\1' is not recognized"),
    Rule(r"convert string .(.*). to ", 100038, "22018", r"Numeric value '\1' is not recognized"),
    Rule(r"timestamp field.*?: \"(.*?)\"", 100035, "22007", r"Timestamp '\1' is not recognized"),
    Rule(r"date field.*?: \"(.*?)\"", 100040, "22007", r"Date '\1' is not recognized"),
    Rule(r"time field.*?: \"(.*?)\"", 100108, "22007", r"Time '\1' is not recognized"),
    Rule(
        r"(?i)^(?:Conversion|Out of Range|Invalid Input) Error.*(?:out of range|overflow|cast value \S+ to DECIMAL)",
        100046,
        "22003",
        "Number out of representable range",
    ),
    Rule(r'Referenced column "(.*?)"', 904, "42000", COMPILATION + r"invalid identifier '\1'"),
    Rule(r'a column (?:with name|named) "(.*?)"', 904, "42000", COMPILATION + r"invalid identifier '\1'"),
    Rule(r'[Cc]olumn with name "?(\w+)"? already', 1430, "42601", COMPILATION + r"column '\1' already exists"),
    Rule(r'with name "?(\w+)"? already exists', 2002, "42710", COMPILATION + r"Object '\1' already exists."),
    Rule(r"Function with name (\S+) does not exist", 2140, "42601", COMPILATION + r"Unknown function \1"),
    Rule(
        r'with name "?(\S+?)"? does not exist',
        2003,
        "42S02",
        COMPILATION + r"Object '\1' does not exist or not authorized.",
    ),
    Rule(r"Unknown TimeZone '(.*)'", 1008, "22023", COMPILATION + r"invalid value '\1' for parameter 'TIMEZONE'"),
    Rule(r"duplicate key", 200001, "22000", "The embedded Snowflake enforces PRIMARY KEY and UNIQUE: got a key twice"),
    Rule(r"More than one row returned by a sub", 90150, "22000", "Single-row subquery returns more than one row."),
    Rule(
        r"transaction is aborted",
        *UNSUPPORTED,
        "Unsupported feature: the embedded Snowflake does not go on after an error in a transaction: ROLLBACK it.",
    ),
    Rule(
        r"(?i)^Transaction.*conflict|write-write conflict",
        625,
        "57014",
        "Another transaction has written to this table and is not at its end.",
    ),
]


def as_snowflake_error(error: Exception) -> ProgrammingError:
    """The error that Snowflake would answer, its message without code and state: the connector adds them."""
    told = (error.__cause__ or error.__context__ or error) if isinstance(error, Error) else error
    if isinstance(told, duckdb.Error):
        # What follows is the statement, and below the first line DuckDB's own proposals.
        message = str(told).partition("\n\nLINE ")[0]
        for rule in RULES:
            if found := re.search(rule.pattern, message, re.DOTALL):
                return _error(rule.code, rule.state, found.expand(rule.sentence))
        if isinstance(error, Error):
            return _error(error.errno, error.sqlstate, message.partition("\n")[0])
    if isinstance(told, NotImplementedError | AssertionError):
        return _error(*UNSUPPORTED, f"Unsupported feature: the embedded Snowflake does not have this: {told}")
    if isinstance(error, Error):
        return _error(error.errno, error.sqlstate, error.raw_msg or str(error))
    if isinstance(error, SqlglotError):
        return _error(1003, "42000", f"SQL compilation error:\nsyntax error: {error}")
    logger.error("Not answered as Snowflake would", exc_info=error)
    return _error(*UNSUPPORTED, f"Unsupported feature: the embedded Snowflake: {type(error).__name__}: {error}")


def _error(code: int, state: str, message: str) -> ProgrammingError:
    return ProgrammingError(msg=message, errno=code, sqlstate=state, done_format_msg=True)


def _as_snowflake_does(original: Original, *args: Any, **kwargs: Any) -> Any:
    """Run the original and raise what it raises as Snowflake's error."""
    try:
        return original(*args, **kwargs)
    except Exception as error:
        raise as_snowflake_error(error) from error


def _answer(make: Original, content: dict[str, Any], **options: Any) -> JSONResponse:
    """An answer with HTTP status 200; one that tells an error has an object as its data, which the connector reads."""
    if not content["success"]:
        content["data"] = content["data"] or {"errorCode": content["code"], "sqlState": "XX000"}
    response: JSONResponse = make(content, **options | {"status_code": 200})
    return response


async def _answer_error(_: Request, error: Exception) -> JSONResponse:
    """What went wrong outside a statement, such as in a login."""
    told = as_snowflake_error(error)
    return JSONResponse(
        {
            "data": {"errorCode": f"{told.errno:06d}", "sqlState": told.sqlstate},
            "code": f"{told.errno:06d}",
            "message": told.msg,
            "success": False,
        }
    )


def install(app: Any) -> None:
    """Let fakesnow's server tell errors so."""
    for name in ("execute", "_describe_only", "_describe_last_sql"):
        replace(fakesnow.cursor.FakeSnowflakeCursor, name, _as_snowflake_does)
    for name in ("parse_one", "describe_as_rowtype"):
        replace(server, name, _as_snowflake_does)
    replace(server, "JSONResponse", _answer)
    app.debug = False
    app.add_exception_handler(Exception, _answer_error)

"""The embedded Snowflake answers what Snowflake does: each statement with its rows or its error."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from embedded_snowflake import at_once, connect, embedded_snowflake


@pytest.fixture(scope="module")
def snowflake_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with embedded_snowflake(tmp_path_factory.mktemp("snowflake") / "log") as process:
        yield process.port


@pytest.fixture(scope="module")
def session(snowflake_port: int) -> Iterator[Any]:
    with connect(snowflake_port) as session:
        yield session


def ask(session: Any, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with session.cursor() as cursor:
        return cursor.execute(sql, values or None).fetchall()


def error_of(session: Any, sql: str, values: tuple[Any, ...] = ()) -> Any:
    """The error that a statement is answered with, at once."""
    from snowflake.connector.errors import IntegrityError, ProgrammingError

    with pytest.raises((ProgrammingError, IntegrityError)) as error:
        at_once(lambda: ask(session, sql, values))
    return error.value


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT NULL::TIMESTAMP_NTZ", [(None,)]),
        (
            "SELECT * FROM (VALUES ('2013-01-01 05:00:00'::TIMESTAMP_NTZ), (NULL)) ORDER BY 1 NULLS LAST",
            [(datetime(2013, 1, 1, 5),), (None,)],
        ),
        ("SELECT '9999-12-31 23:59:59'::TIMESTAMP_NTZ", [(datetime(9999, 12, 31, 23, 59, 59),)]),
        ("SELECT '1969-12-31 23:59:59.250'::TIMESTAMP_NTZ", [(datetime(1969, 12, 31, 23, 59, 59, 250_000),)]),
        ("SELECT '0001-01-01'::TIMESTAMP_NTZ", [(datetime(1, 1, 1),)]),
        ("SELECT '2013-01-01 05:00:00 +02:00'::TIMESTAMP_TZ", [(datetime(2013, 1, 1, 3, tzinfo=UTC),)]),
        ("SELECT NULL::TIMESTAMP_TZ", [(None,)]),
        ("SELECT '2013-01-01'::DATE + 1, NULL::DATE", [(date(2013, 1, 2), None)]),
        ("SELECT '05:06:07.000001'::TIME, NULL::TIME", [(time(5, 6, 7, 1), None)]),
        ("SELECT TRUE, NULL::BOOLEAN", [(True, None)]),
        ("SELECT TO_BINARY('00FF', 'HEX'), NULL::BINARY", [(bytearray(b"\x00\xff"), None)]),
        ("SELECT NULL = NULL", [(None,)]),
        ("SELECT 7/2, 1/4", [(3.5, 0.25)]),
        ("SELECT 12345678901234567.89::NUMBER(20,2)", [(Decimal("12345678901234567.89"),)]),
        ("SELECT -0.05::NUMBER(3,2), NULL::NUMBER(3,2)", [(Decimal("-0.05"), None)]),
        (
            "SELECT 123456789012345678901234567890.12345678::NUMBER(38,8)",
            [(Decimal("123456789012345678901234567890.12345678"),)],
        ),
        ("SELECT SUM(V) FROM (VALUES (0.1::NUMBER(10,2)), (0.2::NUMBER(10,2))) AS T(V)", [(Decimal("0.30"),)]),
        ("SELECT SUM(V) FROM (VALUES (9007199254740993), (1)) AS T(V)", [(9007199254740994,)]),
        ("SELECT PARSE_JSON('{\"a\": 1}'):a::INT", [(1,)]),
    ],
)
def test_a_value_is_read_as_it_is(session, sql, rows):
    assert ask(session, sql) == rows


def test_a_null_timestamp_is_null_in_arrow_and_in_pandas(session):
    sql = "SELECT * FROM (VALUES ('2013-01-01 05:00:00'::TIMESTAMP_NTZ), (NULL)) AS T(V) ORDER BY 1 NULLS LAST"
    with session.cursor() as cursor:
        assert cursor.execute(sql).fetch_arrow_all().to_pylist() == [{"V": datetime(2013, 1, 1, 5)}, {"V": None}]
        assert cursor.execute(sql).fetch_pandas_all()["V"].isna().tolist() == [False, True]


def test_json_is_kept_and_its_parts_are_read(session):
    ask(session, "CREATE OR REPLACE TABLE V (ID INT, P VARIANT)")
    ask(session, "INSERT INTO V SELECT 1, PARSE_JSON('{\"a\": [1, 2]}')")
    assert ask(session, "SELECT P:a[1]::INT FROM V") == [(2,)]
    [(text,)] = ask(session, "SELECT P FROM V")
    assert text.replace(" ", "") == '{"a":[1,2]}'


@pytest.mark.parametrize(
    ("sql", "code", "sentence"),
    [
        ("SELECT 1/0", 100051, "Division by zero"),
        ("SELECT 1 % 0", 100051, "Division by zero"),
        ("SELECT 1 / (N - 1) FROM (VALUES (2), (1)) AS T(N)", 100051, "Division by zero"),
        ("SELECT 'x'::INT", 100038, "Numeric value 'x' is not recognized"),
        ("SELECT 'x'::NUMBER(10,2)", 100038, "Numeric value 'x' is not recognized"),
        ("SELECT 'x'::FLOAT", 100038, "Numeric value 'x' is not recognized"),
        ("SELECT 'x'::BOOLEAN", 100037, "Boolean value 'x' is not recognized"),
        ("SELECT 'x'::DATE", 100040, "Date 'x' is not recognized"),
        ("SELECT 'x'::TIMESTAMP_NTZ", 100035, "Timestamp 'x' is not recognized"),
        ("SELECT 'x'::TIME", 100108, "Time 'x' is not recognized"),
        ("SELECT 12345::NUMBER(4,0)", 100046, "Number out of representable range"),
        ("SELECT PARSE_JSON('{\"a\":')", 100069, "Error parsing JSON"),
        ("INSERT INTO L VALUES ('abcd')", 100078, "String is too long and would be truncated"),
        ("UPDATE L SET T = 'abcd'", 100078, "String is too long and would be truncated"),
        ("INSERT INTO N VALUES (NULL)", 100072, "NULL result in a non-nullable column"),
        ("SELECT NO_SUCH_COLUMN FROM L", 904, "invalid identifier 'NO_SUCH_COLUMN'"),
        ("INSERT INTO L (NO_SUCH_COLUMN) VALUES ('a')", 904, "invalid identifier 'NO_SUCH_COLUMN'"),
        ("SELECT * FROM NO_SUCH_TABLE", 2003, "Object 'NO_SUCH_TABLE' does not exist or not authorized."),
        ("DROP TABLE NO_SUCH_TABLE", 2003, "Object 'NO_SUCH_TABLE' does not exist or not authorized."),
        ("CREATE TABLE L (A INT)", 2002, "Object 'L' already exists."),
        ("ALTER TABLE L ADD COLUMN T INT", 1430, "column 'T' already exists"),
        ("SELECT NO_SUCH_FUNCTION(1)", 2140, "Unknown function"),
        ("SELEC 1", 1003, ""),
        ("SELECT 'open", 1003, ""),
        ("SELECT FROM WHERE", 1003, ""),
        ("INSERT INTO K VALUES (1), (1)", 200001, "enforces PRIMARY KEY and UNIQUE"),
        ("ALTER SESSION SET TIMEZONE = 'No/Where'", 1008, "invalid value 'No/Where'"),
        ("SELECT INTERVAL '1 day'", 2, "Unsupported feature"),
        ("COPY INTO L FROM @%L FILE_FORMAT = (TYPE = AVRO)", 2, "Unsupported feature"),
        ("COPY INTO @%L FROM L", 2, "Unsupported feature"),
        ("SELECT 99999999999::INT * 9999999999999::INT", 100046, "Number out of representable range"),
        ("SELECT 'out of range'::INT", 100038, "Numeric value 'out of range' is not recognized"),
        ("SELECT (SELECT 1 UNION ALL SELECT 2)", 90150, "Single-row subquery returns more than one row."),
        ("SELECT T, COUNT(*) FROM L", 2043, "must appear in the GROUP BY clause"),
        ("SELECT CURRENT_WAREHOUSE()", 2140, "Unknown function"),
        ("CREATE STREAM S ON TABLE L", 1003, "syntax error"),
        ("ALTER SESSION SET NO_SUCH_PARAMETER = 1", 1420, "invalid parameter 'NO_SUCH_PARAMETER'"),
    ],
)
def test_an_error_is_told_at_once_with_its_code(session, sql, code, sentence):
    ask(session, "CREATE OR REPLACE TABLE L (T VARCHAR(3))")
    ask(session, "INSERT INTO L VALUES ('abc'), (NULL)")
    ask(session, "CREATE OR REPLACE TABLE N (T INT NOT NULL)")
    ask(session, "CREATE OR REPLACE TABLE K (ID INT PRIMARY KEY)")
    error = error_of(session, sql)
    assert error.errno == code, error
    assert sentence in error.msg
    assert error.msg.count(f"{error.errno:06d}") == 1, "code and state stand once in the message"
    assert ask(session, "SELECT COUNT(*) FROM L WHERE T = 'abc'") == [(1,)], "the session goes on"


def test_a_bound_value_that_does_not_fit_is_an_error_at_once(session):
    ask(session, "CREATE OR REPLACE TABLE B (N NUMBER(4,2))")
    assert error_of(session, "INSERT INTO B VALUES (%s)", ("x",)).errno == 100038


def test_a_login_that_cannot_be_is_refused_at_once(snowflake_port):
    from snowflake.connector.errors import DatabaseError

    with pytest.raises(DatabaseError):
        at_once(lambda: connect(snowflake_port, database="NOT A NAME", login_timeout=60))


def test_session_parameters_are_set_and_unset(session):
    ask(session, "ALTER SESSION SET QUERY_TAG = 'a flow'")
    ask(session, "ALTER SESSION UNSET QUERY_TAG")
    ask(session, "ALTER SESSION SET TIMEZONE = 'Europe/Berlin'")
    assert ask(session, "SELECT '2013-01-01 05:00:00'::TIMESTAMP_TZ") == [(datetime(2013, 1, 1, 4, tzinfo=UTC),)]
    ask(session, "ALTER SESSION SET TIMEZONE = 'UTC'")
    assert ask(session, "SELECT '2013-01-01 05:00:00'::TIMESTAMP_TZ") == [(datetime(2013, 1, 1, 5, tzinfo=UTC),)]


def test_a_column_is_added_once(session):
    ask(session, "CREATE OR REPLACE TABLE A (ID INT)")
    for _ in range(2):
        ask(session, "ALTER TABLE A ADD COLUMN IF NOT EXISTS PRICE NUMBER(10,2)")
    ask(session, "INSERT INTO A VALUES (1, 12.5)")
    assert ask(session, "SELECT * FROM A") == [(1, Decimal("12.50"))]
    ask(session, "ALTER TABLE A DROP COLUMN PRICE")
    assert ask(session, "SELECT * FROM A") == [(1,)]


def test_a_column_with_a_length_can_be_dropped(session):
    ask(session, "CREATE OR REPLACE TABLE D (ID INT, T VARCHAR(3))")
    ask(session, "ALTER TABLE D DROP COLUMN T")
    ask(session, "INSERT INTO D VALUES (1)")
    assert ask(session, "SELECT * FROM D") == [(1,)]


@pytest.mark.parametrize("name", ["W", '"W"'])
def test_pandas_are_written(session, name):
    import pandas as pd
    from snowflake.connector.pandas_tools import write_pandas

    ask(session, "CREATE OR REPLACE TABLE W (ID NUMBER(38,0), AT_TIME TIMESTAMP_NTZ(6), NOTE VARCHAR)")
    times = pd.to_datetime(["2013-01-01 05:00", None, "2013-01-01 06:00"])
    frame = pd.DataFrame({"ID": [1, 2, 3], "AT_TIME": times, "NOTE": ["a", None, "c"]})
    place = {} if name == "W" else {"database": "ANSWERS", "schema": "PUBLIC"}
    assert write_pandas(session, frame, "W", use_logical_type=True, **place)[:3] == (True, 1, 3)
    assert ask(session, "SELECT * FROM W ORDER BY ID") == [
        (1, datetime(2013, 1, 1, 5), "a"),
        (2, None, None),
        (3, datetime(2013, 1, 1, 6), "c"),
    ]


def test_bound_values_arrive_as_they_are(snowflake_port):
    row = (None, Decimal("12.50"), 1.5, 7, "a", datetime(2013, 1, 1, 5))
    with connect(snowflake_port, paramstyle="qmark") as session:
        ask(session, "CREATE OR REPLACE TABLE Q (A INT, B NUMBER(10,2), C FLOAT, D INT, E VARCHAR, F TIMESTAMP_NTZ)")
        with session.cursor() as cursor:
            cursor.executemany("INSERT INTO Q VALUES (?, ?, ?, ?, ?, ?)", [row, row])
        ask(session, "INSERT INTO Q VALUES (?, ?, ?, ?, ?, ?)", row)
        assert ask(session, "SELECT * FROM Q") == [row] * 3


def test_what_a_failed_transaction_wrote_is_gone(session):
    ask(session, "CREATE OR REPLACE TABLE R (T VARCHAR(3))")
    ask(session, "BEGIN")
    ask(session, "INSERT INTO R VALUES ('a')")
    error_of(session, "INSERT INTO R VALUES ('abcd')")
    assert "ROLLBACK" in error_of(session, "INSERT INTO R VALUES ('b')").msg
    ask(session, "ROLLBACK")
    assert ask(session, "SELECT * FROM R") == []


def test_a_file_with_a_text_too_long_is_not_loaded(session, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"T": ["abc", "abcd"]}), tmp_path / "texts.parquet")
    ask(session, "CREATE OR REPLACE TABLE C (T VARCHAR(3))")
    ask(session, f"PUT 'file://{tmp_path}/texts.parquet' @%C AUTO_COMPRESS = FALSE")
    copy = "COPY INTO C FROM @%C FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    assert error_of(session, copy).errno == 100078
    assert ask(session, "SELECT * FROM C") == []


def test_columns_of_quotients_and_sums_keep_their_names(session):
    with session.cursor() as cursor:
        cursor.execute("SELECT A / B, SUM(A) FROM (VALUES (1, 2)) AS T(A, B) GROUP BY A / B")
        assert [column.name for column in cursor.description] == ["A / B", "SUM(A)"]


def test_a_session_that_is_unknown_is_told_so_at_once(snowflake_port):
    with connect(snowflake_port) as session:
        session.rest._token = "of a server that was started again"  # noqa: S105
        assert error_of(session, "SELECT 1").errno == 390104


def test_a_session_that_is_closed_leaves_no_transaction_open(session, snowflake_port):
    ask(session, "CREATE OR REPLACE TABLE O (ID INT)")
    ask(session, "INSERT INTO O VALUES (1)")
    with connect(snowflake_port) as another:
        ask(another, "BEGIN")
        ask(another, "UPDATE O SET ID = 2")
    at_once(lambda: ask(session, "UPDATE O SET ID = ID + 10"))
    assert ask(session, "SELECT ID FROM O") == [(11,)]


def test_sessions_create_tables_at_the_same_time(snowflake_port):
    """As runs of one flow do. fakesnow notes lengths of texts by the name of the table."""

    def create(_: int) -> None:
        with connect(snowflake_port) as session:
            for number in range(20):
                ask(session, f"CREATE TABLE IF NOT EXISTS AT_ONCE_{number} (T VARCHAR(3))")
                ask(session, f"CREATE TEMPORARY TABLE OWN_{number} (T VARCHAR)")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(4)))

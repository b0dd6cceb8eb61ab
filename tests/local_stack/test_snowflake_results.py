"""Results of the embedded Snowflake come in Snowflake's Arrow types, and large ones in several batches."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from embedded_snowflake import connect, embedded_snowflake

from scripts.local_stack.snowflake.results import RECENT_RESULTS, Batches, RecentResults

ROWS = 120_000
NUMBERS = "SELECT VALUE::INT N, 'row ' || VALUE T FROM TABLE(FLATTEN(ARRAY_GENERATE_RANGE(0, 120000))) ORDER BY N"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with embedded_snowflake(tmp_path_factory.mktemp("snowflake") / "log") as process:
        yield process


@pytest.fixture(scope="module")
def snowflake_port(server: Any) -> int:
    return server.port


@pytest.fixture(scope="module")
def session(snowflake_port: int) -> Iterator[Any]:
    with connect(snowflake_port) as session:
        with session.cursor() as cursor:
            cursor.execute(f"CREATE OR REPLACE TABLE NUMBERS AS {NUMBERS}")
        yield session


def arrow(session: Any, sql: str) -> pa.Table:
    with session.cursor() as cursor:
        return cursor.execute(sql).fetch_arrow_all()


def test_a_large_result_comes_in_batches_that_hold_all_rows_in_order(session):
    with session.cursor() as cursor:
        batches = list(cursor.execute("SELECT * FROM NUMBERS ORDER BY N").fetch_arrow_batches())
        frames = list(cursor.execute("SELECT * FROM NUMBERS ORDER BY N").fetch_pandas_batches())
        rows = cursor.execute("SELECT * FROM NUMBERS ORDER BY N").fetchall()
    assert len(batches) == len(frames) == 3
    assert [n for batch in batches for n in batch["N"].to_pylist()] == list(range(ROWS))
    assert [n for frame in frames for n in frame["N"]] == list(range(ROWS))
    assert rows == [(n, f"row {n}") for n in range(ROWS)]


def test_wide_rows_come_in_more_batches(session):
    with session.cursor() as cursor:
        cursor.execute("SELECT N, REPEAT('x', 100000) AS WIDE FROM NUMBERS WHERE N < 300")
        batches = list(cursor.fetch_arrow_batches())
    assert len(batches) > 1
    assert sum(batch.num_rows for batch in batches) == 300


def test_batches_are_read_while_the_session_asks_something_else(session):
    with session.cursor() as reading, session.cursor() as asking:
        reading.execute("SELECT * FROM NUMBERS ORDER BY N")
        first = reading.fetchone()
        assert asking.execute("SELECT COUNT(*) FROM NUMBERS").fetchall() == [(ROWS,)]
        assert [first, *reading] == [(n, f"row {n}") for n in range(ROWS)]


def test_whole_numbers_are_as_wide_as_their_batch_needs(session):
    with session.cursor() as cursor:
        kinds = [batch["N"].type for batch in cursor.execute("SELECT N FROM NUMBERS ORDER BY N").fetch_arrow_batches()]
    assert kinds == [pa.int32()] * 3
    table = arrow(session, "SELECT 1 AS A, 128 AS B, 32768 AS C, 2147483648 AS D, 9223372036854775808 AS E")
    assert table.schema.types == [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.decimal128(38, 0)]


def test_a_decimal_is_a_float_in_arrow_unless_decimals_are_asked_for(snowflake_port):
    sql = "SELECT V FROM (VALUES (12.50::NUMBER(10,2)), (NULL), (-0.01::NUMBER(10,2))) AS T(V) ORDER BY V"
    with connect(snowflake_port) as session:
        assert arrow(session, sql)["V"].to_pylist() == [-0.01, 12.5, None]
        assert arrow(session, sql)["V"].type == pa.float64()
    with connect(snowflake_port, arrow_number_to_decimal=True) as session:
        assert arrow(session, sql)["V"].to_pylist() == [Decimal("-0.01"), Decimal("12.50"), None]
        big = "SELECT 123456789012345678901234567890.12345678::NUMBER(38,8) AS V"
        assert arrow(session, big)["V"].to_pylist() == [Decimal("123456789012345678901234567890.12345678")]


def test_other_types_keep_their_values_in_arrow(session):
    table = arrow(
        session,
        "SELECT TRUE AS A, '2013-01-01'::DATE AS B, '05:06:07'::TIME AS C, TO_BINARY('00FF', 'HEX') AS D, "
        "1.5::FLOAT AS E, '2013-01-01 05:00:00 +02:00'::TIMESTAMP_TZ AS F, 'a' AS G, NULL AS H",
    )
    assert [str(kind) for kind in table.schema.types] == [
        *("bool", "date32[day]", "time64[us]", "binary", "double", "timestamp[ns, tz=Etc/UTC]", "string", "string"),
    ]


def test_batches_go_with_their_session(snowflake_port):
    with connect(snowflake_port) as session:
        cursor = session.cursor().execute("SELECT * FROM NUMBERS ORDER BY N")
        last = cursor.get_result_batches()[-1]
        assert last.to_arrow().num_rows == last.to_arrow().num_rows == ROWS % 50_000
    assert status_of(last._remote_chunk_info.url) == 410


def status_of(url: str) -> int:
    import httpx

    return httpx.get(url).status_code


def test_batches_are_kept_within_their_bound_fetched_ones_going_first():
    batches = Batches(most_bytes=10)
    old, fetched = batches.add("a", [b"1234", b"5678"])
    assert batches.fetch(fetched) == b"5678"
    [new] = batches.add("b", [b"1234"])
    assert [batches.fetch(name) for name in (fetched, old, new)] == [None, b"1234", b"1234"]
    batches.drop("b")
    assert [batches.fetch(name) for name in (old, new)] == [b"1234", None]


def test_a_result_is_kept_whole_even_if_it_alone_is_above_the_bound():
    batches = Batches(most_bytes=10)
    old = batches.add("a", [b"1234"])
    names = batches.add("b", [b"12345678", b"12345678"])
    assert [batches.fetch(name) for name in [*old, *names]] == [None, b"12345678", b"12345678"]


def test_only_the_last_and_small_results_are_kept_for_result_scan():
    results = RecentResults()
    small, large = pa.table({"n": [1]}), pa.table({"n": pa.nulls(2**20, pa.int64())})
    results["large"] = (large,)
    for number in range(RECENT_RESULTS + 1):
        results[str(number)] = (small,)
    assert list(results) == [str(number) for number in range(1, RECENT_RESULTS + 1)]


def test_results_that_nobody_fetches_go_with_their_sessions(server, session, snowflake_port):
    sizes = []
    for _ in range(12):
        with connect(snowflake_port) as another, another.cursor() as cursor:
            cursor.execute("SELECT N, REPEAT('x', 1000) AS WIDE FROM NUMBERS WHERE N < 60000")
            sizes.append(resident_mib(server.pid))
    assert max(sizes[1:]) - sizes[1] < 300, f"twelve results of 60 MiB each, the server's MiB after each: {sizes}"


def resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024

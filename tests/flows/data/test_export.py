"""An export is one file that is replaced whole or not at all, and a declaration that cannot work is refused."""

import os
import signal
import subprocess
import sys
import time

import dataframely as dy
import polars as pl
import pytest

from flows.shared import s3, snowflake
from flows.shared.data import export as exporting
from flows.shared.data.export import Export, ExportValueError, IncompleteResultError, NothingToExportError
from flows.shared.data.formats import Csv, JsonLines, Parquet
from flows.shared.data.refused import DeclarationError
from flows.shared.errors import is_transient
from scripts.shared.environments import ROOT


class Numbers(dy.Schema):
    number = dy.Int64()
    note = dy.String(nullable=True)


def numbers(count, **options):
    query = f"SELECT range AS NUMBER, 'n' || range AS NOTE FROM range({count}) ORDER BY range"  # noqa: S608 (a number)
    return Export(**{"name": "numbers", "rows": Numbers, "prefix": "export/numbers/", "query": query, **options})


def run(what):
    return exporting.export_file.fn(what, "test", "test")


def test_a_large_result_comes_in_batches_and_is_one_file(world, monkeypatch):
    batches, kept_rows = [], exporting.kept_rows
    monkeypatch.setattr(exporting, "kept_rows", lambda *args: batches.append(args[3]) or kept_rows(*args))
    result = run(numbers(230_000))
    assert batches == [0, 50_000, 100_000, 150_000, 200_000]
    assert (result.rows_read, result.rows_written) == (230_000, 230_000)
    assert result.uri == f"s3://{world.bucket}/export/numbers/numbers.parquet"
    exported = world.read("export/")
    assert exported["number"].to_list() == list(range(230_000))
    assert exported["note"][-1] == "n229999"


@pytest.mark.parametrize("file", ["n.csv.gz", "n.csv.zst", "n.csv"])
def test_csv_is_compressed_as_its_name_says(world, file):
    run(numbers(60_000, format=Csv(delimiter=";"), file=file))
    body = world.s3.get_object(Bucket=world.bucket, Key=f"export/numbers/{file}")["Body"].read()
    assert body[:2] == {"n.csv.gz": b"\x1f\x8b", "n.csv.zst": b"\x28\xb5", "n.csv": b"nu"}[file]
    read = pl.read_csv(body, separator=";")
    assert read.columns == ["number", "note"]
    assert (read.height, read["number"].sum()) == (60_000, sum(range(60_000)))


def test_no_rows_are_an_error_unless_they_are_declared_a_result(world):
    run(numbers(3))
    with pytest.raises(NothingToExportError, match="Export numbers: got no rows; expected some"):
        run(numbers(0))
    assert world.read("export/").height == 3
    assert run(numbers(0, may_be_empty=True)).rows_written == 0
    exported = world.read("export/")
    assert (exported.height, exported.schema) == (0, pl.Schema({"number": pl.Int64, "note": pl.String}))


def test_a_value_that_does_not_fit_leaves_the_file_that_is_there(world):
    run(numbers(3))
    late = "SELECT IFF(range = 119999, NULL, range) AS NUMBER, 'n' AS NOTE FROM range(120000) ORDER BY range"
    with pytest.raises(ExportValueError, match="number: got NULL in row 120000"):
        run(numbers(0, query=late))
    assert world.read("export/")["number"].to_list() == [0, 1, 2]


def test_a_batch_that_is_lost_is_found_and_worth_another_try(world, monkeypatch):
    from snowflake.connector.cursor import SnowflakeCursor

    fetch = SnowflakeCursor.fetch_arrow_batches
    monkeypatch.setattr(SnowflakeCursor, "fetch_arrow_batches", lambda cursor: list(fetch(cursor))[:-1])
    with pytest.raises(IncompleteResultError, match="got 100000 rows; expected 120000") as raised:
        run(numbers(120_000))
    assert is_transient(raised.value)
    assert world.read("export/").is_empty()


def test_a_statement_that_gives_no_table_is_refused(world, monkeypatch):
    from snowflake.connector.cursor import SnowflakeCursor
    from snowflake.connector.errors import NotSupportedError

    def no_arrow(_):
        raise NotSupportedError

    monkeypatch.setattr(SnowflakeCursor, "fetch_arrow_batches", no_arrow)
    with pytest.raises(ExportValueError, match="whose result is no table; expected one SELECT"):
        run(numbers(1))


def test_more_than_one_request_takes_is_refused_before_it_is_sent(world, monkeypatch):
    monkeypatch.setattr(s3, "LARGEST_PUT_BYTES", 100)
    with pytest.raises(s3.FileTooLargeError, match=r"export/numbers/numbers.parquet: got .* expected at most .* GiB"):
        run(numbers(10_000))
    assert world.read("export/").is_empty()


PROGRAM = """
import sys, time
from http.client import HTTPConnection
from flows.shared import s3
from flows.shared.data import export as exporting
from tests.flows.data.test_export import large, run

def wait(function, when):
    calls = []
    def waiting(*args):
        calls.append(1)
        if len(calls) == when:
            print("now", flush=True)
            time.sleep(60)
        return function(*args)
    return waiting

moment = sys.argv[1]
if moment == "reading":
    exporting.kept_rows = wait(exporting.kept_rows, 3)
if moment == "before the upload":
    s3.upload_file = wait(s3.upload_file, 1)
if moment == "upload":
    send, sent = HTTPConnection.send, []
    def slow(connection, part):
        # Half of the file: nothing else that is sent is large.
        sent.append(len(part))
        if sum(sent) > 200_000:
            print("now", flush=True)
            time.sleep(60)
        send(connection, part)
    HTTPConnection.send = slow
run(large())
"""


def large():
    """A file above 8 MiB, from where on boto3's own upload sends parts."""
    return numbers(600_000, format=Csv())


@pytest.mark.parametrize("moment", ["reading", "before the upload", "upload"])
def test_a_killed_export_leaves_the_old_file_whole_and_no_parts(world, moment):
    run(numbers(3, format=Csv()))
    command = [sys.executable, "-c", PROGRAM, moment]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{ROOT / 'tests' / 'flows'}"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    time.sleep(0.2)
    stored = world.s3.get_object(Bucket=world.bucket, Key=large().key)["Body"].read()
    assert stored == b"number,note\r\n0,n0\r\n1,n1\r\n2,n2\r\n"
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.bucket)
    run(large())
    [stored] = world.s3.list_objects_v2(Bucket=world.bucket)["Contents"]
    assert stored["Size"] > 8 * 1024**2


def test_numbers_with_a_scale_are_decimals_in_every_session(world):
    from flows.shared.settings import SnowflakeSettings

    with snowflake.connect(SnowflakeSettings.load(), "test", "test") as connection:
        assert connection.arrow_number_to_decimal is True


def test_files_are_named_by_the_export_unless_they_are_declared():
    assert numbers(1).key == "export/numbers/numbers.parquet"
    assert numbers(1, format=Csv()).key == "export/numbers/numbers.csv"
    assert numbers(1, format=JsonLines()).key == "export/numbers/numbers.jsonl"
    assert numbers(1, format=JsonLines(), file="all.ndjson.gz").key == "export/numbers/all.ndjson.gz"


class Unique(dy.Schema):
    number = dy.Int64(unique=True)
    Upper = dy.Int64()


class One(dy.Schema):
    only = dy.String(nullable=True)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "Numbers"}, "name: got 'Numbers'; expected lower-case"),
        ({"query": " \n"}, "query: got nothing; expected a SELECT"),
        ({"prefix": "landing/numbers/"}, "prefix: got 'landing/numbers/'; expected export/"),
        ({"prefix": "export/numbers"}, "prefix: got 'export/numbers'"),
        ({"file": "numbers.csv"}, r"file: got 'numbers.csv'; expected a name that ends with one of .parquet, .pq"),
        ({"file": "a/numbers.parquet"}, "file: got 'a/numbers.parquet'"),
        ({"file": ".parquet"}, "file: got '.parquet'"),
        ({"format": Parquet}, "expected Parquet.., Csv.. or JsonLines.."),
        ({"format": Csv(decimal_mark=",", delimiter=";")}, "written by RFC 4180 in UTF-8"),
        ({"format": Csv(delimiter='"')}, "written by RFC 4180 in UTF-8"),
        ({"format": Csv(), "rows": One}, "got one nullable column for CSV"),
        ({"rows": Unique}, "number: got unique=True"),
        ({"rows": Unique}, "Upper: got that name"),
        ({"rows": dy.Schema}, "rows: got no columns"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(options, problem):
    with pytest.raises(DeclarationError, match=problem):
        numbers(1, **options)


def test_every_problem_of_a_declaration_is_in_one_message():
    with pytest.raises(DeclarationError, match=r"^Export X: name: .*; query: .*; prefix: .*\.$"):
        Export(name="X", rows=Numbers, query="", prefix="")

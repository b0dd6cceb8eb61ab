"""`make sql` asks the environment's warehouse as its flows do, prints what it answers, and changes nothing unasked."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from patience import PATIENCE_SECONDS

from scripts import run_sql
from scripts.shared.environments import ROOT, Environment
from scripts.shared.refusal import Refusal
from tests.local_stack.embedded_snowflake import DER, embedded_snowflake

pytestmark = pytest.mark.usefixtures("made_up_environments", "own_environment")
KEY = base64.b64encode(DER).decode()
VALUES = {"ACCOUNT": "fakesnow", "USER": "LOADER", "PRIVATE_KEY": KEY}


@pytest.fixture(scope="module")
def snowflake_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with embedded_snowflake(tmp_path_factory.mktemp("snowflake") / "log") as process:
        yield process.port


@pytest.fixture
def own_environment():
    """Variables that a command sets for itself reach no other test."""
    kept = dict(os.environ)
    yield
    os.environ.clear()
    os.environ |= kept


@pytest.fixture
def ssm(monkeypatch):
    """The parameters of every environment, by the last part of their name."""
    values = dict(VALUES)

    def get_parameters(Names, WithDecryption):  # noqa: N803 - boto3's words.
        assert WithDecryption
        if isinstance(error := values.get("error"), Exception):
            raise error
        held = {name: values.get(name.rpartition("/SNOWFLAKE_")[2]) for name in Names}
        return {"Parameters": [{"Name": name, "Value": value} for name, value in held.items() if value]}

    monkeypatch.setattr(Environment, "client", lambda *_: SimpleNamespace(get_parameters=get_parameters))
    return values


@pytest.fixture
def sql(monkeypatch, ssm, snowflake_port, capsys):
    """`sql(statement, …)` runs the command on the local environment and returns what it printed."""
    monkeypatch.setenv("DATA_FLOWS_SNOWFLAKE_PORT", str(snowflake_port))
    monkeypatch.setattr(run_sql, "require_running", lambda _: None)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["run_sql", *arguments])
        assert run_sql.main() == 0
        return capsys.readouterr()

    return run


TYPES = "select 1 a, 'x' b, null c, 1.50::number(5, 2) d, '2026-01-02'::date e, to_binary('00ff', 'hex') f, true g"


def test_a_table_is_aligned_numbers_to_the_right(sql):
    said = sql("select * from values (1, 'a'), (20, null) as t(n, text)")
    assert said.out.splitlines() == [" N  TEXT", "--  ----", " 1  a", "20  NULL"]
    assert said.err == "2 rows\n"


def test_a_value_can_neither_steer_the_terminal_nor_break_the_table(sql):
    said = sql("select 'a\\nb' || chr(27) || '[31m' a, repeat('x', 100) b")
    assert said.out.splitlines()[2] == rf"a\nb\x1b[31m  {'x' * 59}…"


def test_csv_and_json_hold_every_value(sql):
    csv = sql(TYPES, "--format", "csv").out
    assert csv == "A,B,C,D,E,F,G\n1,x,,1.50,2026-01-02,00ff,True\n"
    (row,) = sql(TYPES, "--format", "json").out.splitlines()
    assert json.loads(row) == {"A": 1, "B": "x", "C": None, "D": "1.50", "E": "2026-01-02", "F": "00ff", "G": True}


@pytest.mark.parametrize(
    ("options", "rows", "said"),
    [
        ([], 100, "100 of 250 rows; LIMIT=250 shows all.\n"),
        (["--limit", "3"], 3, "3 of 250 rows; LIMIT=250 shows all.\n"),
        (["--limit", "250"], 250, "250 rows\n"),
        (["--format", "csv"], 250, ""),
        (["--format", "json", "--limit", "2"], 2, "2 of 250 rows; LIMIT=250 shows all.\n"),
    ],
)
def test_rows_that_are_left_out_are_told(sql, options, rows, said):
    told = sql("select seq4() n from table(generator(rowcount => 250))", *options)
    assert len(told.out.splitlines()) - {"--format": 0 if "json" in options else 1}.get(str(*options[:1]), 2) == rows
    assert told.err == said


def test_it_is_the_environments_own_database_schema_user_and_role(sql, monkeypatch):
    """Whatever the shell says."""
    for name in ("DATABASE", "SCHEMA", "PRIVATE_KEY_PASSPHRASE", "HOST"):
        monkeypatch.setenv(f"SNOWFLAKE_{name}", "elsewhere")
    assert sql("select current_database(), current_schema()", "--format", "csv").out.splitlines()[1] == "HARBOUR,LOADED"


def test_a_statement_that_writes_changes_nothing_without_being_asked_to(sql):
    sql("create table kept (n int)", "--write")
    with pytest.raises(Refusal, match="SQL: got DROP; expected a statement that only reads"):
        sql("drop table kept")
    assert "0 rows" in sql("select * from kept").err
    sql("drop table kept", "--write")
    with pytest.raises(Refusal, match="'KEPT' does not exist"):
        sql("select * from kept")


def test_an_error_of_snowflake_is_one_sentence_with_its_code(sql):
    with pytest.raises(Refusal) as refused:
        sql("select nope")
    assert str(refused.value) == "Snowflake 000904: SQL compilation error: invalid identifier 'NOPE'"
    assert refused.value.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "xml"], 'FORMAT is "xml"; expected one of table, csv, json.'),
        (["--limit", "0"], 'LIMIT is "0"; expected a number of rows, such as 1000.'),
        (["--limit", "all"], 'LIMIT is "all"; expected a number of rows, such as 1000.'),
    ],
)
def test_bad_input_is_told_before_anything_is_asked(sql, arguments, said):
    with pytest.raises(Refusal) as refused:
        sql("select 1", *arguments)
    assert str(refused.value) == said


DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameters")


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"PRIVATE_KEY": None, "USER": None}, "SSM has no /.*/SNOWFLAKE_USER, /.*/SNOWFLAKE_PRIVATE_KEY; expected"),
        ({"error": DENIED}, "The parameters below /HarborFlows/Amber/ may not be read: .*AccessDeniedException"),
        ({"PRIVATE_KEY": "no key", "ACCOUNT": "my-org"}, "SNOWFLAKE_PRIVATE_KEY: got text that is no key"),
        ({"ACCOUNT": "https://example.com"}, "SNOWFLAKE_ACCOUNT: got an address that is not Snowflake's"),
    ],
)
def test_what_ssm_lacks_or_refuses_is_told_without_a_value(sql, ssm, held, said):
    ssm.update(held)
    with pytest.raises(Refusal, match=said) as refused:
        sql("select 1", "--env", "amber")
    assert refused.value.exit_code == 2
    assert "no key at all" not in str(refused.value)


def test_a_statement_that_may_write_passes_the_guard_and_one_that_reads_asks_nobody(sql, monkeypatch):
    asked = []
    monkeypatch.setattr(run_sql, "guard", lambda environment, doing: asked.append((environment.name, doing)))
    sql("select 1")
    assert asked == []
    sql("select 1", "--write")
    assert asked == [("local", "run SQL that may write")]


def test_nothing_is_read_from_ssm_before_a_guarded_environment_consents(sql, ssm, monkeypatch):
    monkeypatch.setattr(Environment, "require_account", lambda _: "arn:aws:sts::626262626262:assumed-role/Person/me")
    monkeypatch.setattr("scripts.shared.guard.warehouse_account", lambda _: "harbour")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.delenv("YES", raising=False)
    ssm["error"] = AssertionError("read")
    with pytest.raises(Refusal, match="violet is guarded: got no consent"):
        sql("drop table t", "--env", "violet", "--write")


WAITING = """
import sys, time
from snowflake.connector import SnowflakeConnection
from snowflake.connector.network import SnowflakeRestful
from flows.shared.settings import SnowflakeSettings
from scripts.shared.command import run_command
from scripts.sql import session

request, cancel = SnowflakeRestful.request, SnowflakeConnection._cancel_query

def waits(self, url, body=None, *arguments, **options):
    if url.startswith("/queries/v1/query-request") and body["sqlText"] == "select 'long'":
        print("waiting", body["parameters"]["MULTI_STATEMENT_COUNT"], flush=True)
        time.sleep(600)
    return request(self, url, body, *arguments, **options)

def cancels(self, sql, request_id):
    print(cancel(self, sql, request_id)["success"], sql, flush=True)

SnowflakeRestful.request, SnowflakeConnection._cancel_query = waits, cancels

def main():
    with session.answer(SnowflakeSettings.load(), "select 'long'"):
        pass

run_command(main)
"""


def test_ctrl_c_cancels_the_statement_in_snowflake(snowflake_port):
    place = {"DATABASE": "A", "SCHEMA": "B", "WAREHOUSE": "C", "ROLE": "D", "HOST": "127.0.0.1", "PROTOCOL": "http"}
    given = VALUES | place | {"PORT": str(snowflake_port)}
    shell = os.environ | {f"SNOWFLAKE_{name}": value for name, value in given.items()}
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(
        command, cwd=ROOT, env=shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "waiting 1\n", "expected one statement to be asked for"
        process.send_signal(signal.SIGINT)
        said, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert said == "True select 'long'\n"
    assert (process.returncode, error) == (130, "interrupted\n")

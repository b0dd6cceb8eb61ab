"""As far as the embedded Snowflake goes: databases, schemas and tables, and a person's session by connections.toml."""

import base64
import sys
from collections.abc import Iterator

import pytest
import snowflake.connector
from cryptography.hazmat.primitives import serialization as s

from flows.shared.settings import SnowflakeSettings
from flows.shared.snowflake_account import Account
from scripts import check_snowflake
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal
from scripts.warehouse import differences, wanted
from scripts.warehouse.grants import Grant, needs
from scripts.warehouse.login import Session, own_session
from scripts.warehouse.script import OBJECTS, statements
from tests.local_stack.embedded_snowflake import DER, KEY, connect, embedded_snowflake

DATA = [{"kind": "landing", "name": "tides", "schema": "SEA", "table": "TIDES"}]


@pytest.fixture(scope="module")
def snowflake_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with embedded_snowflake(tmp_path_factory.mktemp("snowflake") / "log") as process:
        yield process.port


@pytest.fixture
def want(made_up_environments):
    place = {name: value.upper() for name, value in find_environment("amber").warehouse_place.items()}
    found = needs(place, DATA, [], ["HARBOUR_AMBER.TOWN.STREETS", "HARBOUR_AMBER.TOWN.NOWHERE", "GONE.A.B"])
    return wanted.Wanted(
        title="HarborFlows-Amber", identity=wanted.Identity(Account("fakesnow", ""), "LOADER"),
        database="HARBOUR_AMBER", schemas=found.schemas, warehouse="LOADING", role="LOADER",
        own_name="OWN", warehouse_size="XSMALL",
        auto_suspend_seconds=60, credits=None, addresses=(), grants=found.grants, public_key="",
    )  # fmt: skip


def test_database_and_schemas_are_made_found_and_made_again(snowflake_port, want):
    with connect(snowflake_port) as connection:
        ask = Session(connection).ask
        ask('CREATE DATABASE IF NOT EXISTS "HARBOURXAMBER"')  # As good as the other one for LIKE.
        assert list(differences._place(want, ask)) == ["database HARBOUR_AMBER: got none; expected it."]
        made = [each.sql for each in statements(want) if each.role == OBJECTS and "WAREHOUSE" not in each.sql]
        for sql in [*made, *made]:
            ask(sql)
        assert list(differences._place(want, ask)) == []
        ask('DROP SCHEMA "HARBOUR_AMBER"."SEA"')
        assert list(differences._place(want, ask)) == ["schema HARBOUR_AMBER.SEA: got none; expected it."]


def test_what_others_have_made_is_looked_up_table_or_view(snowflake_port, want):
    with connect(snowflake_port) as connection:
        ask = Session(connection).ask
        for sql in ("DATABASE IF NOT EXISTS HARBOUR_AMBER", "SCHEMA HARBOUR_AMBER.TOWN",
                    "VIEW HARBOUR_AMBER.TOWN.STREETS AS SELECT 1 AS A"):  # fmt: skip
            ask(f"CREATE {sql}")
        present, missing = differences.without_missing(want, ask)
    assert Grant("SELECT", "VIEW", ("HARBOUR_AMBER", "TOWN", "STREETS")) in present.grants
    assert not [each for each in present.grants if each.name[0] == "GONE"]
    assert [line.partition(":")[0] for line in missing] == ["GONE.A.B", "HARBOUR_AMBER.TOWN.NOWHERE"]


def test_a_session_of_ones_own_comes_from_connections_toml_and_tells_its_account_first(
    snowflake_port, tmp_path, monkeypatch
):
    key = tmp_path / "key.p8"
    key.write_bytes(KEY.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    toml = f"""[harbour]
account = "fakesnow"
user = "ANNA"
authenticator = "SNOWFLAKE_JWT"
private_key_file = "{key}"
host = "127.0.0.1"
port = {snowflake_port}
protocol = "http"
"""
    connections = tmp_path / "connections.toml"
    connections.write_text(toml)
    connections.chmod(0o600)
    monkeypatch.setenv("SNOWFLAKE_DEFAULT_CONNECTION_NAME", "harbour")
    real = snowflake.connector.connect
    monkeypatch.setattr(snowflake.connector, "connect", lambda: real(connections_file_path=connections))
    # The embedded Snowflake knows no accounts: nothing may be asked where it is not known which one it is.
    with pytest.raises(Refusal, match="Which account this is could not be asked"), own_session(Account("fakesnow", "")):
        raise AssertionError


def test_the_flows_get_into_the_embedded_snowflake(snowflake_port, made_up_environments, monkeypatch, capsys):
    monkeypatch.setattr(check_snowflake, "require_running", lambda _: None)
    settings = {
        "SNOWFLAKE_ACCOUNT": "fakesnow", "SNOWFLAKE_USER": "LOADER", "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": str(snowflake_port), "SNOWFLAKE_PROTOCOL": "http",
        "SNOWFLAKE_PRIVATE_KEY": base64.b64encode(DER).decode(),
        **{f"SNOWFLAKE_{name.upper()}": value for name, value in find_environment("local").warehouse_place.items()},
    }  # fmt: skip
    monkeypatch.setattr(check_snowflake, "read_settings", lambda _: SnowflakeSettings(**settings))
    monkeypatch.setattr(sys, "argv", ["check_snowflake"])
    check_snowflake.main()
    assert capsys.readouterr().out.startswith("The embedded Snowflake lets the flows in.")

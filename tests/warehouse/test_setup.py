"""`make snowflake-setup`: the script from facts and data sets, run as a person, and compared with what is there."""

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import sqlglot
import sqlglot.parser
from amber_cloud import DATA
from snowflake.connector.errors import DatabaseError
from sqlglot import exp
from sqlglot.errors import ParseError

from flows.shared.snowflake_account import read_account
from scripts import snowflake_setup
from scripts.registration.flow_import import Imported
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal
from scripts.warehouse import wanted as wanting
from scripts.warehouse.applying import apply
from scripts.warehouse.differences import differences
from scripts.warehouse.grants import needs, sql_files
from scripts.warehouse.login import is_account
from scripts.warehouse.quoting import identifier, literal
from scripts.warehouse.script import script, statements, with_roles
from scripts.warehouse.slots import set_key, unset_key

PLACE = {"database": "HARBOUR_AMBER", "schema": "SHIPS", "warehouse": "LOADING_AMBER", "role": "HARBOUR_LOADER_AMBER"}
OWN = {
    ("USAGE", "WAREHOUSE", ("LOADING_AMBER",)), ("USAGE", "DATABASE", ("HARBOUR_AMBER",)),
    ("USAGE", "SCHEMA", ("HARBOUR_AMBER", "SHIPS")), ("CREATE TABLE", "SCHEMA", ("HARBOUR_AMBER", "SHIPS")),
}  # fmt: skip
READ = {
    ("USAGE", "SCHEMA", ("HARBOUR_AMBER", "SEA")), ("CREATE TABLE", "SCHEMA", ("HARBOUR_AMBER", "SEA")),
    ("USAGE", "SCHEMA", ("HARBOUR_AMBER", "ANALYTICS")),
    ("SELECT", "TABLE", ("HARBOUR_AMBER", "ANALYTICS", "BERTHS")),
    ("USAGE", "DATABASE", ("TOWN",)), ("USAGE", "SCHEMA", ("TOWN", "OPEN")),
    ("SELECT", "TABLE", ("TOWN", "OPEN", "STREETS")),
}  # fmt: skip


@pytest.fixture
def command(monkeypatch, tmp_path, cloud, account, capsys):
    """`command(…)` runs it on amber with these data sets; its exit code and what it said."""
    monkeypatch.setattr(wanting, "sql_files", lambda _: [])
    found = SimpleNamespace(sound_result=lambda: Imported([], [], data=DATA))
    monkeypatch.setattr(snowflake_setup, "FlowImport", lambda _: nullcontext(found))
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", str(tmp_path))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["snowflake_setup", "--env", "amber", *arguments])
        return snowflake_setup.main(), capsys.readouterr()

    run.path = tmp_path / "snowflake" / "amber.sql"
    return run


def test_the_role_gets_what_the_declared_data_needs_and_nothing_else():
    assert set(needs(PLACE, (), []).grants) == OWN
    assert set(needs(PLACE, DATA, []).grants) == OWN | READ
    assert needs(PLACE, DATA, []).schemas == ("SHIPS", "SEA")
    more = set(needs(PLACE, (), [], ["sea.charts.depths"], makes_schemas=True).grants) - OWN
    assert ("CREATE SCHEMA", "DATABASE", ("HARBOUR_AMBER",)) in more
    assert ("SELECT", "TABLE", ("SEA", "CHARTS", "DEPTHS")) in more


def test_sql_files_are_found_below_flows_and_what_they_make_is_not_granted(tmp_path):
    folder = tmp_path / "flows" / "harbour" / "tables_sql" / "deeper"
    folder.mkdir(parents=True)
    (folder / "calm.sql").write_text("CREATE OR REPLACE VIEW SEA.CALM AS SELECT * FROM TIDES JOIN SHIPS")
    (folder.parent / "tides.sql").write_text("CREATE OR REPLACE TABLE TIDES AS SELECT * FROM BUOYS")
    left = tmp_path / "flows" / "harbour" / "_dbt_jobs"
    left.mkdir()
    (left / "model.sql").write_text("{{ not sql }}")
    needed = needs(PLACE, DATA[:1], sql_files(PLACE, tmp_path))
    assert needed.schemas == ("SHIPS", "SEA")
    assert {each for each in needed.grants if each.privilege == "SELECT"} == {
        ("SELECT", "TABLE", ("HARBOUR_AMBER", "SHIPS", "BUOYS"))
    }
    views = [each.name for each in needed.grants if each.privilege == "CREATE VIEW"]
    assert views == [("HARBOUR_AMBER", "SEA")]


@pytest.mark.parametrize(("query", "told"), [
    ("SELECT * FROM WHERE", "Export x: got a query that cannot be read"),
    ('SELECT * FROM "A.B"', "Export x: got HARBOUR_AMBER.SHIPS.A.B; expected a name in full"),
])  # fmt: skip
def test_a_query_that_cannot_be_read_is_told(query, told):
    with pytest.raises(Refusal, match=told):
        needs(PLACE, [{"kind": "export", "name": "x", "query": query}], [])


def test_the_script_makes_sets_and_grants_in_order(want):
    text = script(want)
    lines = [line.removesuffix(";") for line in text.splitlines() if line and not line.startswith("--")]
    assert lines == with_roles(statements(want))
    roles = [line for line in lines if line.startswith("USE")]
    assert roles == ['USE ROLE "SYSADMIN"', 'USE ROLE "USERADMIN"', 'USE ROLE "ACCOUNTADMIN"']
    made = [line for line in lines if line.startswith("CREATE ")]
    assert all(" IF NOT EXISTS " in line for line in made)
    (user,) = [line for line in made if line.startswith("CREATE USER")]
    assert "TYPE = SERVICE" in user
    assert f"RSA_PUBLIC_KEY = '{want.public_key}'" in user
    assert not [line for line in lines if line.startswith("ALTER USER") and "RSA" in line]
    allowed = "('198.51.100.1', '198.51.100.2', '203.0.113.0/24')"
    for line in (
        "ALTER WAREHOUSE \"LOADING_AMBER\" SET WAREHOUSE_SIZE = 'XSMALL' AUTO_SUSPEND = 60 AUTO_RESUME = TRUE",
        f'ALTER NETWORK POLICY "HARBOR_FLOWS_AMBER" SET ALLOWED_IP_LIST = {allowed}',
        'ALTER USER "HARBOUR_FLOWS" SET NETWORK_POLICY = "HARBOR_FLOWS_AMBER"',
        'ALTER WAREHOUSE "LOADING_AMBER" SET RESOURCE_MONITOR = "HARBOR_FLOWS_AMBER"',
        'GRANT ROLE "HARBOUR_LOADER_AMBER" TO USER "HARBOUR_FLOWS"',
    ):
        assert line in lines


# What the parser keeps as text, by its first words, and what it does not know at all.
AS_TEXT = {
    "ALTER USER", "ALTER WAREHOUSE", "ALTER NETWORK", "ALTER RESOURCE", "CREATE ROLE", "CREATE USER", "CREATE NETWORK",
    "CREATE RESOURCE", "GRANT ROLE", "SHOW NETWORK", "SHOW RESOURCE", "SHOW GRANTS", "SHOW PARAMETERS", "SHOW ROLES",
}  # fmt: skip
UNKNOWN = {"DESC USER"}


def test_every_statement_is_one_that_the_parser_reads_or_is_named_here(want, answers, account, ask):
    differences(want, ask)
    every = [
        *with_roles(statements(want)),
        *account.ran,
        set_key("U", "RSA_PUBLIC_KEY_2", "x", "y"),
        unset_key("U", "S"),
    ]
    kept, unknown = set(), set()
    for sql in every:
        words = " ".join(sql.split()[:2])
        try:
            (parsed,) = sqlglot.parse(sql, read="snowflake")
        except ParseError:
            unknown.add(words)
            continue
        if isinstance(parsed, exp.Command):
            kept.add(words)
    assert (kept, unknown) == (AS_TEXT, UNKNOWN)


@pytest.mark.parametrize("name", ['A"; DROP DATABASE X; --', "A'B", "a.b", "Ä\\'"])
def test_a_name_or_text_stays_one_whatever_is_in_it(name):
    sql = f"SELECT {literal(name)} FROM {identifier(name, 'T')}"  # noqa: S608 - what is tested.
    parsed = sqlglot.parse_one(sql, read="snowflake")
    assert parsed.find(exp.Literal).this.replace("\\\\", "\\") == name
    assert parsed.find(exp.Table).parts[0].name == name


def test_all_statements_run_with_the_right_kind_and_without_what_is_not_there(want, answers, ask, account):
    del answers["SHOW OBJECTS LIKE 'BERTHS'"]
    ran = list(apply(want, ask))
    assert 'GRANT SELECT ON VIEW "TOWN"."OPEN"."STREETS" TO ROLE "HARBOUR_LOADER_AMBER"' in ran
    assert not [sql for sql in ran if "BERTHS" in sql]
    assert [sql for sql in account.ran if not sql.startswith("SHOW")] == ran


def test_it_ends_at_the_first_refused_statement(want, answers, ask, account):
    account.refuses["CREATE USER"] = "Insufficient privileges to operate on account 'AMBER'"
    with pytest.raises(Refusal) as refused:
        list(apply(want, ask))
    assert refused.value.exit_code == 1
    assert str(refused.value).startswith('Snowflake refused `CREATE USER IF NOT EXISTS "HARBOUR_FLOWS" TYPE = SERVICE')
    assert str(refused.value).endswith("003001: Insufficient privileges to operate on account 'AMBER'")
    assert "RSA_PUBLIC_KEY = '…'" in str(refused.value)
    assert account.ran[-1].startswith("CREATE ROLE")


def test_the_command_writes_and_shows_the_script_and_asks_no_snowflake(command, account):
    code, said = command()
    assert code == 0
    assert said.out == command.path.read_text()
    assert "-- Left out: no network policy: Nothing at s3://harborflows-amber-state-" in said.out
    assert "NETWORK POLICY" not in said.out
    assert account.ran == []


@pytest.fixture
def as_wanted(cloud, want, answers, monkeypatch):
    """Terraform's outputs and the key are those of `want`."""
    cloud.apply(nat_addresses=["198.51.100.1", "198.51.100.2"])
    monkeypatch.setattr(wanting, "stored_public_key", lambda _: want.public_key)


def test_the_command_compares_and_then_says_so_by_its_exit_code(command, as_wanted, answers, account):
    assert command("--drift")[0] == 0
    answers["SHOW ROLES"] = []
    code, said = command("--drift")
    assert code == 1
    assert said.out == "role HARBOUR_LOADER_AMBER: got none; expected it.\n"
    assert not [sql for sql in account.ran if sql.startswith(("CREATE", "ALTER", "GRANT"))]


def test_the_command_runs_each_statement_and_says_it(command, as_wanted, want):
    code, said = command("--apply")
    assert code == 0
    assert said.out.count("done  ") == len(with_roles(statements(want)))
    assert said.out.splitlines()[-1].startswith("Nothing differs from ")


def test_a_look_that_is_refused_is_no_difference_but_something_that_could_not_be_looked_at(command, as_wanted, account):
    account.refuses["USE ROLE"] = "Requested role 'ACCOUNTADMIN' is not assigned to the executing user."
    with pytest.raises(Refusal, match=r"refused `USE ROLE .*is not assigned to the executing user") as refused:
        command("--drift")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("given", ["--apply", "--drift"])
def test_another_account_is_refused_before_the_first_statement(command, cloud, account, given):
    cloud.put("SNOWFLAKE_ACCOUNT", "harbour-violet", "String")
    with pytest.raises(Refusal) as refused:
        command(given)
    assert str(refused.value).startswith(
        "Snowflake: got a session in account HARBOUR-AMBER (XY12345 in AWS_EU_CENTRAL_1)"
    )
    assert "expected harbour-violet" in str(refused.value)
    assert [sql for sql in account.ran if not sql.startswith("SELECT CURRENT_ORGANIZATION_NAME")] == []


def test_no_connection_of_ones_own_is_told(command, monkeypatch):
    def none():
        raise DatabaseError(msg="Default connection with name 'default' cannot be found", errno=251017)

    monkeypatch.setattr("snowflake.connector.connect", none)
    with pytest.raises(Refusal, match=r"No session of your own .*_DEFAULT_CONNECTION_NAME") as refused:
        command("--drift")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(("expected", "is_it"), [
    ("harbour-amber", True), ("HARBOUR-AMBER", True), ("harbour-violet", False), ("xy12345", True),
    ("xy12345.eu-central-1", True), ("xy12345.eu-west-1", False), ("zz12345.eu-central-1", False),
    ("xy12345.eu-central-1.aws", True),
])  # fmt: skip
def test_an_account_is_known_by_name_or_by_locator_and_region(expected, is_it):
    name = read_account(expected).name
    assert is_account(name, "HARBOUR", "AMBER", "XY12345", "AWS_EU_CENTRAL_1") is is_it
    assert is_account(name, "HARBOUR", "AMBER", "XY12345", "PUBLIC.AWS_EU_CENTRAL_1") is is_it


@pytest.mark.parametrize(("setup", "told"), [
    ({"warehouse_size": "HUGE"}, "snowflake.setup.warehouse_size is HUGE; expected one of XSMALL, "),
    ({"auto_suspend_seconds": 5}, "auto_suspend_seconds is 5; expected a whole number of 30 or more"),
    ({"credits_per_month": 0.5}, "credits_per_month is 0.5; expected a whole number of 1 or more"),
    ({"addresses": ["office"]}, "setup.addresses has office; expected IPv4, such as"),
])  # fmt: skip
def test_a_wrong_fact_is_one_sentence(cloud, setup, told):
    environment = find_environment("amber")
    environment.facts["snowflake"]["setup"] = setup
    with pytest.raises(Refusal, match=told):
        wanting.wanted(environment, ())


def test_of_the_local_stack_the_script_is_written_and_never_run(command, cloud, monkeypatch, tmp_path):
    for name, value in (("ACCOUNT", "fakesnow"), ("USER", "LOADER")):
        cloud.ssm.put_parameter(Name=f"/HarborFlows/Local/SNOWFLAKE_{name}", Value=value, Type="String")
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path / "local"))
    monkeypatch.setattr(snowflake_setup, "require_running", lambda _: None)
    code, said = command("--env", "local")
    assert code == 0
    assert said.out == command.path.with_name("local.sql").read_text()
    with pytest.raises(Refusal, match="no roles, users and warehouses to set up: got ENV=local"):
        command("--env", "local", "--apply")


def test_without_a_user_in_ssm_it_is_told_how_to_write_one(cloud):
    cloud.ssm.delete_parameter(Name=f"{cloud.path}/SNOWFLAKE_USER")
    with pytest.raises(
        Refusal, match="SSM has no /HarborFlows/Amber/SNOWFLAKE_USER; write it with `make secret NAME=SNOW"
    ):
        wanting.wanted(find_environment("amber"), ())

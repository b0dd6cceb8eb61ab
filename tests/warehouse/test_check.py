"""`make check-snowflake` says as whom the flows get in, or in one sentence why they do not."""

import os
import sys

import pytest
from snowflake.connector.errors import OperationalError
from snowflake_account import login_refused

from scripts import check_snowflake
from scripts.shared.key_pair import fingerprint, new_key_pair
from scripts.shared.refusal import Refusal

WAREHOUSE = {"name": "LOADING_AMBER", "state": "SUSPENDED", "auto_resume": "true"}


@pytest.fixture
def check(monkeypatch, cloud, account, first_key, capsys):
    """`check()` runs the command on amber and returns what it said. The variables that it sets reach no other test."""
    account.answers["SHOW WAREHOUSES"] = [WAREHOUSE]
    kept = dict(os.environ)

    def run():
        monkeypatch.setattr(sys, "argv", ["check_snowflake", "--env", "amber"])
        check_snowflake.main()
        return capsys.readouterr().out

    yield run
    os.environ.clear()
    os.environ |= kept


def test_account_user_role_warehouse_and_key_are_said(check, account, first_key):
    account.keys["RSA_PUBLIC_KEY_2"] = new_key_pair()[1]
    other = fingerprint(account.keys["RSA_PUBLIC_KEY_2"])
    assert check().splitlines() == [
        "account    HARBOUR-AMBER (XY12345 in AWS_EU_CENTRAL_1)",
        "user       HARBOUR_FLOWS",
        "role       HARBOUR_LOADER_AMBER",
        "warehouse  LOADING_AMBER, suspended",
        f"key        {first_key} in RSA_PUBLIC_KEY; RSA_PUBLIC_KEY_2 holds {other}",
    ]


def test_a_user_that_may_not_be_described_is_said_with_the_key_that_was_accepted(check, account, first_key):
    account.refuses["DESC USER"] = "Insufficient privileges to operate on user 'HARBOUR_FLOWS'"
    assert f"key        {first_key}, which was accepted; in which slot is not known. Snowflake refused `DESC" in check()


@pytest.mark.parametrize(("said", "told"), [
    ("JWT token is invalid. [1-2-3]", "Snowflake does not accept the key: it is in neither slot of user HARBOUR_FLOWS"),
    ("Incoming request with IP/Token 192.0.2.9 is not allowed to access Snowflake.", "does not let this machine in"),
    ("Role 'HARBOUR_LOADER_AMBER' specified in the connect string does not exist or not authorized.",
     "Snowflake has no role HARBOUR_LOADER_AMBER that is granted to user HARBOUR_FLOWS: `make snowflake-setup"),
    ("404 Not Found: post https://harbour-amber", "Snowflake has no account harbour-amber: write SNOWFLAKE_ACCOUNT"),
    ("User temporarily locked.", "Snowflake does not let user HARBOUR_FLOWS in: 250001: Failed to connect"),
])  # fmt: skip
def test_whoever_is_not_let_in_is_told_why_and_what_to_do(check, account, said, told):
    account.login_error = login_refused(said)
    with pytest.raises(Refusal) as refused:
        check()
    assert told in str(refused.value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 1


def test_a_snowflake_that_is_not_reached_is_told_as_that(check, account):
    account.login_error = OperationalError(
        msg="Could not connect to Snowflake backend after 9 attempt(s).", errno=250001
    )
    with pytest.raises(Refusal, match="does not let user HARBOUR_FLOWS in: 250001: Could not connect") as refused:
        check()
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(("change", "told"), [
    ({"warehouse": None}, "got warehouse none; expected LOADING_AMBER, which is missing, or not granted to role"),
    ({"role": "PUBLIC"}, "got role PUBLIC; expected HARBOUR_LOADER_AMBER: grant it to HARBOUR_FLOWS."),
])  # fmt: skip
def test_a_session_that_is_not_as_the_flows_need_it_is_told(check, account, change, told):
    for name, value in change.items():
        setattr(account, name, value)
    with pytest.raises(Refusal, match=told):
        check()


def test_a_suspended_warehouse_that_does_not_resume_is_told(check, account):
    account.answers["SHOW WAREHOUSES"] = [WAREHOUSE | {"auto_resume": "false"}]
    with pytest.raises(Refusal, match="got warehouse LOADING_AMBER suspended, without auto-resume"):
        check()


def test_another_account_is_told(check, cloud):
    cloud.put("SNOWFLAKE_ACCOUNT", "xy12345.eu-west-1", "String")
    with pytest.raises(Refusal, match=r"got account HARBOUR-AMBER \(XY12345 in AWS_EU_CENTRAL_1\); expected xy12345"):
        check()

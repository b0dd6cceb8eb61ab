"""Host, account id and token of dbt Cloud are read in whatever form people copy them, and no message repeats them."""

import pytest

from flows.shared.dbt_cloud_account import DbtCloudAccountError, read_account_id, read_host, read_token
from flows.shared.settings import DbtCloudSettings, SettingsError

TOKEN = "dbtc_" + "aB3_-" * 8


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("cloud.getdbt.com", "https://cloud.getdbt.com"),
        ("emea.dbt.com", "https://emea.dbt.com"),
        ("ab123.us1.dbt.com", "https://ab123.us1.dbt.com"),
        (" 'AB123.US1.dbt.com/' \n", "https://ab123.us1.dbt.com"),
        ("https://ab123.eu2.dbt.com:443/deploy/4711/projects/1/jobs/2", "https://ab123.eu2.dbt.com"),
        ("https://emea.dbt.com/api/v2", "https://emea.dbt.com"),
        ("acme.getdbt.com", "https://acme.getdbt.com"),
        ("acme.dbt.com", "https://acme.dbt.com"),
        ("http://127.0.0.1:4568", "http://127.0.0.1:4568"),
    ],
)
def test_a_host_is_read_in_any_form(text, address):
    assert read_host(text) == address


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "an empty text"),
        ("us1.dbt.com", "a region without the account's prefix"),
        ("ab123", "a host that is not dbt Cloud's"),
        ("ab123.us1.dbt.com.example.com", "a host that is not dbt Cloud's"),
        ("https://someone@example.com/emea.dbt.com", "a host that is not dbt Cloud's"),
        ("emea.dbt.com:8080", "a host that is not dbt Cloud's"),
        ("http://emea.dbt.com", "an address of http, which would show the token"),
        ("docs.getdbt.com", "a host of dbt that is not an account's"),
        ("https://[emea", "no address"),
    ],
)
def test_a_host_of_another_form_is_refused(text, problem):
    with pytest.raises(DbtCloudAccountError, match=f"DBT_CLOUD_HOST: got {problem}.*; expected the access URL"):
        read_host(text)


@pytest.mark.parametrize(
    "text", ["4711", ' "4711"\n', "https://ab123.us1.dbt.com/deploy/4711/projects/1", "/settings/accounts/4711/pages"]
)
def test_an_account_id_is_read_in_any_form(text):
    assert read_account_id(text) == 4711


@pytest.mark.parametrize("text", ["", "acme", "0", "4711a", "47 11", "-4711", "٤٧١١", TOKEN])
def test_an_account_id_that_is_no_digits_is_refused_and_not_repeated(text):
    with pytest.raises(DbtCloudAccountError, match="DBT_CLOUD_ACCOUNT_ID: got a text that is not digits only") as error:
        read_account_id(text)
    assert not text or text == "0" or text not in str(error.value)


@pytest.mark.parametrize(
    "text", [TOKEN, f" '{TOKEN}'\n", f"Token {TOKEN}", f"Bearer {TOKEN}", f"Authorization: Token {TOKEN}"]
)
def test_a_token_is_read_with_or_without_the_words_of_a_header(text):
    assert read_token(text) == TOKEN


@pytest.mark.parametrize("token", ["dbtu_" + "x" * 40, "0123456789abcdef" * 3])
def test_older_and_personal_tokens_are_taken(token):
    assert read_token(token) == token


@pytest.mark.parametrize(
    "text", ["", "dbtc_short", "hunter2", f"{TOKEN} and more", f"{TOKEN}\nx", "https://emea.dbt.com"]
)
def test_a_token_of_another_form_is_refused_and_not_repeated(text):
    with pytest.raises(DbtCloudAccountError, match="DBT_CLOUD_TOKEN: got a text that is no token") as error:
        read_token(text)
    assert not text or text not in str(error.value)


def test_settings_are_read_in_one_form_and_hide_the_token(monkeypatch):
    given = {"HOST": "AB123.us1.dbt.com/", "ACCOUNT_ID": "4711 ", "TOKEN": f"Token {TOKEN}"}
    for name, value in given.items():
        monkeypatch.setenv(f"DBT_CLOUD_{name}", value)
    settings = DbtCloudSettings.load()
    assert (settings.host, settings.account_id) == ("https://ab123.us1.dbt.com", "4711")
    assert settings.token.get_secret_value() == TOKEN
    assert TOKEN not in repr(settings)


def test_all_settings_that_are_missing_are_named_at_once(monkeypatch):
    for name in ("HOST", "ACCOUNT_ID", "TOKEN"):
        monkeypatch.delenv(f"DBT_CLOUD_{name}", raising=False)
    with pytest.raises(SettingsError, match="got DBT_CLOUD_HOST, DBT_CLOUD_ACCOUNT_ID, DBT_CLOUD_TOKEN not set"):
        DbtCloudSettings.load()

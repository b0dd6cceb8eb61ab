"""A value of the wrong form is refused by what is wrong with it; nothing of it is shown."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from flows.shared.private_key import private_key_der
from scripts.shared.key_pair import new_key_pair
from scripts.shared.parameter_forms import checked
from scripts.shared.refusal import Refusal

FITTING = [
    ("PREFECT_API_KEY", "pnu_Abc123"),
    ("PREFECT_API_KEY", "pnb_Abc123"),
    ("PREFECT_API_AUTH_STRING", "admin:pa:ss!"),
    ("DBT_CLOUD_ACCOUNT_ID", "70471823"),
    ("DBT_CLOUD_TOKEN", "dbtc_Qw8-fJ2_kLmN4pRs6TuV=="),
    ("SENTRY_DSN", "https://0f3c21ab@o12.ingest.example.io/45"),
    ("SENTRY_DSN", "http://0f3c21ab@sentry.example.com:9000/path/45"),
    ("PAGERDUTY_ROUTING_KEY", "R0" * 16),
    ("PAGERDUTY_ENDPOINT", "https://events.pagerduty.com/integration/k3y/enqueue"),
    ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x"),
    ("TEAMS_WEBHOOK_URL", "https://prod-1.westeurope.logic.azure.com:443/workflows/1/triggers?sig=x"),
    ("SNOWFLAKE_ACCOUNT", "myorg-myaccount"),
    ("SNOWFLAKE_USER", "LOADER"),
]
WRONG = [
    ("PREFECT_API_KEY", "s3cr3t_Abc123", "got 13 characters, not of its form; expected a key of Prefect Cloud"),
    ("PREFECT_API_KEY", "pnu_s3 cr3t", "got 11 characters with blanks or line breaks, not of its form"),
    ("PREFECT_API_KEY", "pnu_s3cr3t\npnu_s3cr3t", "got 21 characters with blanks or line breaks"),
    ("PREFECT_API_AUTH_STRING", "s3cr3t", "expected user:password"),
    ("PREFECT_API_AUTH_STRING", "admin:s3cr3tü", "in ASCII"),
    ("PREFECT_API_AUTH_STRING", ":s3cr3t", "expected user:password"),
    ("DBT_CLOUD_ACCOUNT_ID", "s3cr3t", "expected digits"),
    ("DBT_CLOUD_ACCOUNT_ID", "٤٢", "expected digits"),
    ("DBT_CLOUD_TOKEN", "Token s3cr3t_s3cr3t_s3cr3t", "without a word before it"),
    ("DBT_CLOUD_TOKEN", "s3cr3t", "expected a token as dbt Cloud shows it"),
    ("SENTRY_DSN", "https://sentry.example.com/s3cr3t", "expected the DSN of a project in Sentry"),
    ("SENTRY_DSN", "https://s3cr3t@sentry.example.com/", "expected the DSN of a project in Sentry"),
    ("PAGERDUTY_ROUTING_KEY", "s3cr3t", "expected the 32 letters and digits"),
    ("PAGERDUTY_ENDPOINT", "http://events.example.com/s3cr3t", "expected the https address"),
    ("SLACK_WEBHOOK_URL", "http://hooks.slack.com/s3cr3t", "expected the address of an incoming webhook"),
    ("SLACK_WEBHOOK_URL", "https:///s3cr3t", "expected the address of an incoming webhook"),
    ("TEAMS_WEBHOOK_URL", "s3cr3t", "expected the address of a workflow's webhook"),
    ("SNOWFLAKE_ACCOUNT", "s3cr3t!", "expected organization and account"),
    ("SNOWFLAKE_PRIVATE_KEY", "s3cr3t", "expected an RSA private key of at least 2048 bits"),
    ("SNOWFLAKE_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----", "a PEM that is cut off or damaged"),
    ("SHOP_TOKEN", "s3cr3t" * 700, "got 4200 bytes; expected at most 4096"),
    ("SHOP_TOKEN", "s3cr3t\0", "a zero byte"),
]


@pytest.mark.parametrize(("name", "value"), FITTING)
def test_a_value_of_the_form_is_written_without_what_surrounds_it(name, value):
    assert checked(name, f"\ufeff  {value} \r\n".encode()) == value


@pytest.mark.parametrize(("name", "value", "told"), WRONG)
def test_a_value_of_another_form_is_told_and_not_shown(name, value, told):
    with pytest.raises(Refusal) as refused:
        checked(name, value.encode())
    assert str(refused.value).startswith(f"{name}: got ")
    assert told in str(refused.value)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("name", sorted({name for name, _ in FITTING} | {"SNOWFLAKE_PRIVATE_KEY", "SHOP_TOKEN"}))
@pytest.mark.parametrize("given", [b"", b"\n", b"  \r\n"])
def test_no_value_is_told_with_the_ways_to_give_one(name, given):
    with pytest.raises(Refusal) as refused:
        checked(name, given)
    assert str(refused.value) == (
        f"{name}: got no value; expected one typed at a terminal, or on standard input, as in "
        f"`make secret NAME={name} < file`."
    )


def test_of_a_form_that_nobody_knows_only_the_line_break_of_the_file_is_taken_off():
    assert checked("SHOP_CERTIFICATE", b" two\nlines \n\n") == " two\nlines \n"
    assert checked("SHOP_CERTIFICATE", "ü\r\n".encode()) == "ü"
    with pytest.raises(Refusal, match="got bytes that are no text; expected UTF-8"):
        checked("SHOP_CERTIFICATE", b"\xff\xfe\x00s")


def pem(password=None):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def test_a_snowflake_key_becomes_one_line():
    given = pem()
    assert checked("SNOWFLAKE_PRIVATE_KEY", given) == base64.b64encode(private_key_der(given)).decode()
    assert checked("SNOWFLAKE_PRIVATE_KEY", private_key_der(given)) == checked("SNOWFLAKE_PRIVATE_KEY", given)


def test_an_encrypted_snowflake_key_stays_encrypted_and_its_passphrase_must_open_it():
    given = pem(b"open it")
    assert checked("SNOWFLAKE_PRIVATE_KEY", given, "open it") == given.decode().strip()
    with pytest.raises(Refusal, match="an encrypted key that the passphrase does not open"):
        checked("SNOWFLAKE_PRIVATE_KEY", given, "another")
    with pytest.raises(Refusal, match="an encrypted key without its passphrase"):
        checked("SNOWFLAKE_PRIVATE_KEY", given)


def test_a_new_pair_is_of_the_form_and_belongs_together():
    private, public = new_key_pair()
    assert checked("SNOWFLAKE_PRIVATE_KEY", private.encode()) == private
    key = serialization.load_der_private_key(base64.b64decode(private), None)
    half = serialization.load_der_public_key(base64.b64decode(public))
    assert key.public_key().public_numbers() == half.public_numbers()
    assert new_key_pair()[0] != private

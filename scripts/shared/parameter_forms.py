"""Checks the form of a parameter's value where it is known, before it is written. No message holds any part of it."""

import base64
import re

from flows.shared.errors import DataFlowsError
from flows.shared.private_key import private_key_der
from flows.shared.snowflake_account import read_account
from scripts.shared.refusal import Refusal

PRIVATE_KEY, PASSPHRASE = "SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"
LONGEST = 4096  # Of a standard parameter of SSM, in bytes.
WEBHOOK = r"https://[A-Za-z0-9.-]+(:\d+)?/\S+"
FORMS = {
    "PREFECT_API_KEY": (r"pn[ub]_[A-Za-z0-9]+", "a key of Prefect Cloud, which begins with pnu_ or pnb_"),
    # The server compares ASCII only, and ends the user's name at the first colon.
    "PREFECT_API_AUTH_STRING": (r"[!-9;-~]+:[!-~]+", "user:password, in ASCII and without blanks"),
    "DBT_CLOUD_ACCOUNT_ID": (r"\d+", "digits, the account's number in the addresses of dbt Cloud's pages"),
    "DBT_CLOUD_TOKEN": (r"[A-Za-z0-9_=.-]{20,}", "a token as dbt Cloud shows it, without a word before it"),
    "SENTRY_DSN": (
        r"https?://\w+(:\w+)?@[A-Za-z0-9.-]+(:\d+)?(/[\w.-]+)*/\d+",
        "the DSN of a project in Sentry, https://<key>@<host>/<number>",
    ),
    "PAGERDUTY_ROUTING_KEY": (r"[A-Za-z0-9]{32}", "the 32 letters and digits of an Events API v2 integration key"),
    "PAGERDUTY_ENDPOINT": (WEBHOOK, "the https address of PagerDuty's integration Amazon CloudWatch"),
    "SLACK_WEBHOOK_URL": (WEBHOOK, "the address of an incoming webhook, https://…"),
    "TEAMS_WEBHOOK_URL": (WEBHOOK, "the address of a workflow's webhook, https://…"),
}


def checked(name: str, given: bytes, passphrase: str | None = None) -> str:
    """The value as it is written. `passphrase` is that of an encrypted Snowflake key, if the environment has one.

    What surrounds a value of a known form is taken off; of any other, the line break that ends a file. A Snowflake key
    becomes one line, the base64 of its PKCS#8 DER; an encrypted one stays as it is.

    Raises:
        Refusal: it is empty, not of the parameter's form, or longer than SSM takes.
    """
    value = _snowflake(name, given, passphrase) if name.startswith("SNOWFLAKE_") else _text(name, given)
    if name in FORMS:
        value = value.strip()
        form, expected = FORMS[name]
        if not re.fullmatch(form, value, re.ASCII):
            blanks = " with blanks or line breaks" if re.search(r"\s", value) else ""
            raise Refusal(f"{name}: got {len(value)} characters{blanks}, not of its form; expected {expected}.")
    if (length := len(value.encode())) > LONGEST:
        raise Refusal(f"{name}: got {length} bytes; expected at most {LONGEST}, which is what SSM takes.")
    return value


def _snowflake(name: str, given: bytes, passphrase: str | None) -> str:
    try:
        if name == PRIVATE_KEY and given.strip():
            key = base64.b64encode(private_key_der(given, passphrase)).decode()
            return _text(name, given).strip() if passphrase else key
        if name == "SNOWFLAKE_ACCOUNT":
            read_account(_text(name, given))
    except DataFlowsError as error:
        raise Refusal(str(error)) from None
    return _text(name, given) if name == PASSPHRASE else _text(name, given).strip()


def _text(name: str, given: bytes) -> str:
    try:
        text = given.decode().removeprefix("\ufeff").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Refusal(f"{name}: got bytes that are no text; expected UTF-8.") from None
    if not text.strip():
        raise Refusal(
            f"{name}: got no value; expected one typed at a terminal, or on standard input, as in "
            f"`make secret NAME={name} < file`."
        )
    if "\0" in text:
        raise Refusal(f"{name}: got a text with a zero byte; expected none, since no variable can hold it.")
    return text

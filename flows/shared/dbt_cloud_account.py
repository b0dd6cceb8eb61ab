"""Reads dbt Cloud's address, account id and token from the forms that people copy. No message repeats a value."""

import re
from urllib.parse import urlsplit

from flows.shared.errors import DataFlowsError


class DbtCloudAccountError(DataFlowsError):
    """DBT_CLOUD_HOST, DBT_CLOUD_ACCOUNT_ID or DBT_CLOUD_TOKEN is of no form that dbt Cloud has."""


QUOTES_AND_BLANKS = " \t\r\n'\"`\u201c\u201d\ufeff\u200b"
# Of one account in a region; of all accounts of a region; of a single tenant.
HOST = re.compile(r"[a-z0-9-]+\.[a-z]{2}\d+\.dbt\.com|[a-z0-9-]+\.(get)?dbt\.com")
REGION = re.compile(r"[a-z]{2}\d+\.dbt\.com")
PAGES = {"www", "docs", "login", "community", "hub", "learn", "status", "metadata", "semantic-layer", "schemas"}
LOOPBACK = {"127.0.0.1", "localhost"}
ACCOUNT_IN_ADDRESS = re.compile(r"/(?:deploy|develop|dashboard|explore|accounts)/(\d+)(?:/|$)")
SCHEME_OF_TOKEN = re.compile(r"(?:authorization:\s*)?(?:token|bearer)\s+", re.IGNORECASE)
# A service token or a person's token; the third is how both looked before they had a prefix.
TOKEN = re.compile(r"dbt[a-z]_[A-Za-z0-9_=-]{20,}|[0-9A-Za-z]{40,}")

EXPECTED_HOST = (
    "expected the access URL of your account, such as ab123.us1.dbt.com, emea.dbt.com or https://cloud.getdbt.com; "
    "copy it in dbt Cloud from Account settings"
)


def read_host(text: str) -> str:
    """Return where API calls go, such as `https://ab123.us1.dbt.com`, from a host or any address of it.

    Plain http is for 127.0.0.1 only. Raises DbtCloudAccountError.
    """
    given = text.strip(QUOTES_AND_BLANKS).lower()
    try:
        address = urlsplit(given if "://" in given else f"https://{given}")
        host, port = address.hostname or "", address.port
    except ValueError:
        raise DbtCloudAccountError(f"DBT_CLOUD_HOST: got no address; {EXPECTED_HOST}.") from None
    if host in LOOPBACK and address.scheme in ("http", "https"):
        return f"{address.scheme}://{host}{f':{port}' if port else ''}"
    if problem := _problem(address.scheme, host, port):
        raise DbtCloudAccountError(f"DBT_CLOUD_HOST: got {problem}; {EXPECTED_HOST}.")
    return f"https://{host}"


def _problem(scheme: str, host: str, port: int | None) -> str | None:
    """Return what is wrong with an address, or None."""
    if not host:
        return "an empty text"
    if scheme != "https":
        return f"an address of {scheme}, which would show the token on its way"
    if REGION.fullmatch(host):
        return "a region without the account's prefix before it"
    if not HOST.fullmatch(host) or port not in (None, 443):
        return "a host that is not dbt Cloud's"
    if host.partition(".")[0] in PAGES:
        return "a host of dbt that is not an account's"
    return None


def read_account_id(text: str) -> int:
    """Return the number of the account, from itself or an address that has it. Raises DbtCloudAccountError."""
    given = text.strip(QUOTES_AND_BLANKS)
    in_address = ACCOUNT_IN_ADDRESS.search(given)
    digits = in_address[1] if in_address else given
    if not re.fullmatch(r"[0-9]{1,18}", digits) or int(digits) == 0:
        raise DbtCloudAccountError(
            "DBT_CLOUD_ACCOUNT_ID: got a text that is not digits only; expected the account's number, such as 12345; "
            "in dbt Cloud it stands in every address after /deploy/. Write it into the parameter again."
        )
    return int(digits)


def read_token(text: str) -> str:
    """Return the token, without quotes and without the words of a header. Raises DbtCloudAccountError."""
    token = SCHEME_OF_TOKEN.sub("", text.strip(QUOTES_AND_BLANKS), count=1).strip(QUOTES_AND_BLANKS)
    if not TOKEN.fullmatch(token):
        raise DbtCloudAccountError(
            "DBT_CLOUD_TOKEN: got a text that is no token of dbt Cloud; expected a service token, which begins with "
            "dbtc_; make one in dbt Cloud at Account settings, Service tokens, and write it into the parameter again."
        )
    return token

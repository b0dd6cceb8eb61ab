"""Reads a Snowflake account from the forms that people copy it in: identifier, address or a link to its pages."""

import re
from typing import NamedTuple

from flows.shared.errors import DataFlowsError


class AccountError(DataFlowsError):
    """SNOWFLAKE_ACCOUNT names no account; the message does not repeat it, since it may be another secret by mistake."""


class Account(NamedTuple):
    """An account as the connector takes it: its name, and the host name of its address."""

    name: str
    host: str


EXPECTED = (
    "expected organization and account as `myorg-myaccount`, a locator with its region as `xy12345.eu-west-1` or "
    "`xy12345.west-europe.azure`, or its address `https://myorg-myaccount.snowflakecomputing.com`; copy it in "
    "Snowflake from View account details and write it into the parameter again"
)

QUOTES_AND_BLANKS = " \t\r\n'\"`\u201c\u201d\ufeff\u200b"
SCHEME = re.compile(r"^(jdbc:snowflake|https?|snowflake)://")
# Twice is what is left when a full address was taken for an account.
SUFFIX = re.compile(r"(\.snowflakecomputing(\.(com|cn))?)+$")
LINK = re.compile(r"app\.snowflake\.(com|cn)(?:/([^/#?]+)/([^/#?]+))?")
LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
AWS_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
# With the two of US government regions, such as us-gov-west-1.fhplus.aws.
CLOUDS = {"aws", "azure", "gcp", "fhplus", "dod"}


def read_account(text: str) -> Account:
    """Return the account that an identifier, an address or a link stands for. Raises AccountError."""
    address = SCHEME.sub("", text.strip(QUOTES_AND_BLANKS).lower())
    if link := LINK.match(address):
        domain, first, second = link.groups()
        if not second:
            raise AccountError(f"SNOWFLAKE_ACCOUNT: got a link to Snowflake's pages without an account; {EXPECTED}.")
        # A link names the region before the locator, and the organization before the account.
        is_region = "." in first or AWS_REGION.fullmatch(first)
        return _account(f"{second}.{first}" if is_region else f"{first}-{second}", domain)
    host = re.split(r"[/?#]", address, maxsplit=1)[0].removesuffix(":443").removesuffix(".")
    suffix = SUFFIX.search(host)
    if not suffix and address != text.strip(QUOTES_AND_BLANKS).lower():
        raise AccountError(f"SNOWFLAKE_ACCOUNT: got an address that is not Snowflake's; {EXPECTED}.")
    return _account(SUFFIX.sub("", host), (suffix and suffix[3]) or "com")


def _account(identifier: str, domain: str) -> Account:
    labels = identifier.split(".")
    if problem := _problem(labels):
        raise AccountError(f"SNOWFLAKE_ACCOUNT: got {problem}; {EXPECTED}.")
    name, *place = labels
    network = [place.pop()] if place[-1:] in (["privatelink"], ["global"]) else []
    if len(place) == 1 and "-" not in place[0]:
        # Snowflake's SQL and some of its pages write a dot between organization and account.
        name, place = f"{name}-{place[0]}", []
    if not network and place[:1] == ["us-west-2"]:
        place = []  # Snowflake's first region stands in no address.
    if place and place[0].startswith("cn-"):
        domain = "cn"
    account = ".".join([name, *place, *network])
    # Underscores are part of an account's name and of its login, but not of a host's name.
    return Account(account, f"{account}.snowflakecomputing.{domain}".replace("_", "-"))


def _problem(labels: list[str]) -> str | None:
    """Return what is wrong with the parts between the dots, or None."""
    if labels == [""]:
        return "an empty text"
    if not all(LABEL.fullmatch(label) for label in labels):
        return "a text with blanks or signs that no account has"
    name, *place = labels
    if place[-1:] in (["privatelink"], ["global"]):
        place.pop()
    if name == "snowflakecomputing" or {"com", "cn", "net", "org"} & set(place):
        return "an address without an account, or one that is not Snowflake's"
    if not set(place[1:]) <= CLOUDS:
        return f"{len(labels)} parts between dots"
    if place[:1] and place[0] in CLOUDS:
        return "a cloud without its region"
    if len(place) == 1 and "-" in place[0] and not AWS_REGION.fullmatch(place[0]):
        return "a region without its cloud (azure or gcp)"
    return None

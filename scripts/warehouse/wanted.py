"""What should be in Snowflake for an environment: its facts, what its flow files declare, and what is in SSM."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from flows.shared.errors import DataFlowsError
from flows.shared.private_key import private_key_der
from flows.shared.snowflake_account import Account, read_account
from scripts.gate.applied_state import read_outputs
from scripts.parameters.store import Store
from scripts.shared.environments import Environment
from scripts.shared.key_pair import public_half
from scripts.shared.parameter_forms import PASSPHRASE, PRIVATE_KEY
from scripts.shared.refusal import Refusal
from scripts.warehouse.grants import Grant, needs, sql_files

SIZES = ("XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE", "XXXLARGE")
DEFAULTS: dict[str, Any] = {
    "warehouse_size": "XSMALL",
    "auto_suspend_seconds": 60,
    "credits_per_month": None,
    "addresses": [],
    "reads": [],
    "own_copies": False,
}


@dataclass(frozen=True)
class Identity:
    """The account that an environment's SSM names, and the user that its flows connect as."""

    account: Account
    user: str


@dataclass(frozen=True)
class Wanted:
    """All of it. `own_name` is that of the network policy and the monitor; without `addresses` or `credits` there is
    none. `public_key` is that of the private key in SSM; empty if there is none. `left_out`: what, and why.
    """

    title: str
    identity: Identity
    database: str
    schemas: tuple[str, ...]
    warehouse: str
    role: str
    own_name: str
    warehouse_size: str
    auto_suspend_seconds: int
    credits: int | None
    addresses: tuple[str, ...]
    grants: tuple[Grant, ...]
    public_key: str
    left_out: tuple[str, ...] = ()

    @property
    def user(self) -> str:
        """Its name, in upper case."""
        return self.identity.user


def wanted(environment: Environment, data: tuple[dict[str, str], ...]) -> Wanted:
    """What the facts want. `data`: what flow files declare.

    Raises:
        Refusal: a fact is wrong, a query cannot be read, or SSM has no account or user.
    """
    setup = _setup(environment)
    place = {name: value.upper() for name, value in environment.warehouse_place.items()}
    needed = needs(place, data, sql_files(place), setup["reads"], makes_schemas=setup["own_copies"])
    left_out = []
    addresses = tuple(_network(each) for each in setup["addresses"])
    try:
        # An apply before there was this output is told the same way.
        addresses = (*read_outputs(environment, "nat_addresses")[0], *addresses)
    except Refusal as refusal:
        addresses = ()
        left_out.append(f"no network policy: {refusal}")
    if not addresses and not left_out:
        left_out.append("no network policy: the VPC is not this environment's; name its addresses in setup.addresses.")
    if not setup["credits_per_month"]:
        left_out.append("no resource monitor: the facts have no setup.credits_per_month.")
    names = environment.names
    return Wanted(
        title=environment.title,
        identity=identity(environment),
        database=place["database"],
        schemas=needed.schemas,
        warehouse=place["warehouse"],
        role=place["role"],
        own_name=f"{names.service}_{names.environment}".replace("-", "_").upper(),
        warehouse_size=setup["warehouse_size"],
        auto_suspend_seconds=setup["auto_suspend_seconds"],
        credits=setup["credits_per_month"],
        addresses=tuple(dict.fromkeys(addresses)),
        grants=needed.grants,
        public_key=stored_public_key(environment),
        left_out=tuple(left_out),
    )


def identity(environment: Environment) -> Identity:
    """Account and user, as the flows have them.

    Raises:
        Refusal: SSM has none, or what is no account.
    """
    store, names = Store(environment), ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER")
    values = {name: store.value(name) for name in names}
    if missing := [name for name, value in values.items() if not value]:
        writes = ", ".join(f"`make secret NAME={name} ENV={environment.name}`" for name in missing)
        raise Refusal(f"SSM has no {', '.join(f'{store.path}/{name}' for name in missing)}; write it with {writes}.")
    account, user = str(values[names[0]]), str(values[names[1]])
    try:
        known = Account(account, "127.0.0.1") if environment.is_local else read_account(account)
    except DataFlowsError as error:
        raise Refusal(str(error)) from None
    return Identity(known, user.upper())


def stored_public_key(environment: Environment) -> str:
    """The public half of the key in SSM; empty if there is none.

    Raises:
        Refusal: what is there is no key.
    """
    store = Store(environment)
    value = store.value(PRIVATE_KEY)
    return public_of(value, store.value(PASSPHRASE)) if value else ""


def public_of(private: str, passphrase: str | None) -> str:
    """The public half of a key as it stands in SSM.

    Raises:
        Refusal: it is no key.
    """
    try:
        return public_half(private_key_der(private, passphrase))
    except DataFlowsError as error:
        raise Refusal(str(error)) from None


def _setup(environment: Environment) -> dict[str, Any]:
    given = environment.facts["snowflake"].get("setup") or {}
    setup = DEFAULTS | {name: value for name, value in given.items() if value is not None}
    where = f"{environment.tfvars.name}: snowflake.setup"
    if (size := setup["warehouse_size"]) not in SIZES:
        raise Refusal(f"{where}.warehouse_size is {size}; expected one of {', '.join(SIZES)}.")
    for name, least in (("auto_suspend_seconds", 30), ("credits_per_month", 1)):
        value = setup[name]
        if value is not None and (value != int(value) or value < least):
            raise Refusal(f"{where}.{name} is {value}; expected a whole number of {least} or more.")
    return setup


def _network(text: str) -> str:
    try:
        IPv4Network(text)
    except ValueError:
        raise Refusal(
            f"snowflake.setup.addresses has {text}; expected IPv4, such as 203.0.113.7 or 203.0.113.0/24."
        ) from None
    return re.sub(r"/32$", "", text)

"""Snowflake as an environment's flows see it: who they are there, and in one sentence why they are not let in."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flows.shared import snowflake
from flows.shared.errors import DataFlowsError
from flows.shared.settings import SnowflakeSettings
from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal
from scripts.warehouse.login import Session, is_account, sentence
from scripts.warehouse.quoting import literal
from scripts.warehouse.slots import read_slots
from scripts.warehouse.wanted import Identity

WHO = (
    "SELECT CURRENT_ORGANIZATION_NAME(), CURRENT_ACCOUNT_NAME(), CURRENT_ACCOUNT(), CURRENT_REGION(), CURRENT_USER(), "
    "CURRENT_ROLE(), CURRENT_WAREHOUSE()"
)
# What Snowflake says when it lets nobody in, and what that means here. The first that is in its sentence counts.
REFUSED = (
    ("JWT token is invalid", "does not accept the key: it is in neither slot of user {user}, or the user is another or "
     "disabled: `make rotate-key ENV={env}` puts the key of SSM there"),
    ("is not allowed to access Snowflake", "does not let this machine in: a network policy has not its address: add it "
     "to snowflake.setup.addresses, then `make snowflake-setup ENV={env} APPLY=1`"),
    ("specified in the connect string", "has no role {role} that is granted to user {user}: "
     "`make snowflake-setup ENV={env} APPLY=1`"),
    ("404 Not Found", "has no account {account}: write SNOWFLAKE_ACCOUNT again, with `make secret`"),
)  # fmt: skip


def settings_with(
    environment: Environment, identity: Identity, private: str, passphrase: str | None = None
) -> SnowflakeSettings:
    """The flows' settings with this key, and nothing of the shell's SNOWFLAKE_ variables."""
    place = {f"SNOWFLAKE_{name.upper()}": value for name, value in environment.warehouse_place.items()}
    given: dict[str, Any] = {
        "SNOWFLAKE_ACCOUNT": identity.account.name,
        "SNOWFLAKE_USER": identity.user,
        "SNOWFLAKE_PRIVATE_KEY": private,
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": passphrase,
        "SNOWFLAKE_HOST": identity.account.host,
        "SNOWFLAKE_PORT": None,
        "SNOWFLAKE_PROTOCOL": "https",
    }
    return SnowflakeSettings(**given | place)


@contextmanager
def service_session(environment: Environment, settings: SnowflakeSettings) -> Iterator[Session]:
    """A session as the flows have it.

    Raises:
        Refusal: the user is not let in; in one sentence, why, with exit code 1, or 2 if Snowflake was not reached.
    """
    from snowflake.connector.errors import Error, OperationalError

    try:
        with snowflake.connect(settings, "make check-snowflake", getpass.getuser()) as connection:
            yield Session(connection)
    except DataFlowsError as error:
        raise Refusal(str(error), 1) from None
    except Error as error:
        said = sentence(error)
        user = settings.user.upper()
        facts = {"env": environment.name, "user": user, "role": settings.role, "account": settings.account}
        for part, meaning in REFUSED:
            if part in said:
                raise Refusal(f"Snowflake {meaning.format(**facts)}. It said: {said}", 1) from None
        code = 2 if isinstance(error, OperationalError) else 1  # The former: it was not reached.
        raise Refusal(f"Snowflake does not let user {user} in: {said}", code) from None


def check(environment: Environment, settings: SnowflakeSettings, expected: str) -> Iterator[str]:
    """Lines that say account, user, role, warehouse and the key's fingerprint. `expected`: that of the key in SSM.

    Raises:
        Refusal: something is otherwise than the flows need it, in one sentence; exit code 1.
    """
    with service_session(environment, settings) as session:
        [who] = session.ask(WHO)
        organization, name, locator, region, user, role, warehouse = (str(value or "") for value in who.values())
        if not is_account(settings.account, organization, name, locator, region):
            raise Refusal(
                f"Snowflake: got account {organization}-{name} ({locator} in {region}); expected {settings.account}: "
                "write SNOWFLAKE_ACCOUNT again.", 1
            )  # fmt: skip
        yield f"account    {organization}-{name} ({locator} in {region})"
        yield f"user       {user}"
        if role != settings.role.upper():
            raise Refusal(f"Snowflake: got role {role or 'none'}; expected {settings.role}: grant it to {user}.", 1)
        yield f"role       {role}"
        rows = session.ask(f"SHOW WAREHOUSES LIKE {literal(settings.warehouse.upper())}")
        yield f"warehouse  {_warehouse(environment, settings, warehouse, rows)}"
        yield f"key        {_key(session, user, expected)}"


def _warehouse(environment: Environment, settings: SnowflakeSettings, current: str, rows: list[dict[str, Any]]) -> str:
    expected = settings.warehouse.upper()
    row = next((each for each in rows if each["name"] == expected), None)
    if current != expected or not row:
        raise Refusal(
            f"Snowflake: got warehouse {current or 'none'}; expected {expected}, which is missing, or not granted to "
            f"role {settings.role}: `make snowflake-setup ENV={environment.name} APPLY=1`.", 1
        )  # fmt: skip
    if str(row["state"]).upper() == "SUSPENDED" and str(row["auto_resume"]).lower() != "true":
        raise Refusal(
            f"Snowflake: got warehouse {expected} suspended, without auto-resume; expected one that resumes by itself: "
            f"`make snowflake-setup ENV={environment.name} APPLY=1`.", 1
        )  # fmt: skip
    return f"{expected}, {str(row['state']).lower()}"


def _key(session: Session, user: str, expected: str) -> str:
    try:
        slots = read_slots(user, session.ask)
    except Refusal as refusal:
        # It was accepted, so it is in a slot; in which, only those may know who may describe the user.
        return f"{expected}, which was accepted; in which slot is not known. {refusal}"
    slot = slots.slot_of(expected)
    if not slot:
        raise Refusal(
            f"DESC USER shows {' and '.join(filter(None, slots.keys.values())) or 'no key'}; expected {expected}, the "
            "key in SSM.", 1
        )  # fmt: skip
    others = [f"{name} holds {key}" for name, key in slots.keys.items() if key and name != slot]
    return "; ".join([f"{expected} in {slot}", *others])

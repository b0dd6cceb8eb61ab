"""The statements that make Snowflake's side, in order. Each may run again: what is there is set, not made anew."""

from typing import NamedTuple

from scripts.warehouse.quoting import identifier, literal
from scripts.warehouse.wanted import Wanted

# Who owns what is made. Whatever is changed or granted later, ACCOUNTADMIN does, who inherits both.
OBJECTS, USERS, ADMINISTRATOR = "SYSADMIN", "USERADMIN", "ACCOUNTADMIN"


class Statement(NamedTuple):
    """A statement and the role that runs it."""

    role: str
    sql: str


def statements(wanted: Wanted) -> list[Statement]:
    """All of them."""
    return [
        *(Statement(OBJECTS, sql) for sql in _objects(wanted)),
        *(Statement(USERS, sql) for sql in _role_and_user(wanted)),
        *(Statement(ADMINISTRATOR, sql) for sql in [*_settings(wanted), *_grants(wanted), *_bounds(wanted)]),
    ]


def with_roles(of: list[Statement]) -> list[str]:
    """The statements with a USE ROLE wherever another role has to run what follows."""
    lines, role = [], ""
    for each in of:
        if each.role != role:
            lines.append(f"USE ROLE {identifier(role := each.role)}")
        lines.append(each.sql)
    return lines


def script(wanted: Wanted) -> str:
    """The text for a person, who may run it in Snowsight too. It holds no secret: of the key, the public half."""
    told = [f"-- {each}" for line in wanted.left_out for each in f"Left out: {line}".splitlines()]
    head = [
        f"-- Snowflake's side of {wanted.title}, in account {wanted.identity.account.name}, from facts and flow files.",
        "-- Safe to run again. Nothing is dropped, and nothing revoked.",
        *told,
    ]
    return "\n".join([*head, "", *(f"{sql};" for sql in with_roles(statements(wanted)))]) + "\n"


def _objects(wanted: Wanted) -> list[str]:
    return [
        f"CREATE DATABASE IF NOT EXISTS {identifier(wanted.database)}",
        *(f"CREATE SCHEMA IF NOT EXISTS {identifier(wanted.database, each)}" for each in wanted.schemas),
        f"CREATE WAREHOUSE IF NOT EXISTS {identifier(wanted.warehouse)} {_of_warehouse(wanted)} "
        "INITIALLY_SUSPENDED = TRUE",
    ]


def _of_warehouse(wanted: Wanted) -> str:
    return (
        f"WAREHOUSE_SIZE = {literal(wanted.warehouse_size)} AUTO_SUSPEND = {wanted.auto_suspend_seconds} "
        "AUTO_RESUME = TRUE"
    )


def _of_user(wanted: Wanted) -> str:
    namespace = f"{wanted.database}.{wanted.schemas[0]}"
    return (
        f"TYPE = SERVICE DEFAULT_ROLE = {literal(wanted.role)} DEFAULT_WAREHOUSE = {literal(wanted.warehouse)} "
        f"DEFAULT_NAMESPACE = {literal(namespace)}"
    )


def _role_and_user(wanted: Wanted) -> list[str]:
    # Only a new user gets its key here: the slots of one that is there are the rotation's.
    key = f" RSA_PUBLIC_KEY = {literal(wanted.public_key)}" if wanted.public_key else ""
    return [
        f"CREATE ROLE IF NOT EXISTS {identifier(wanted.role)}",
        f"CREATE USER IF NOT EXISTS {identifier(wanted.user)} {_of_user(wanted)}{key}",
    ]


def _settings(wanted: Wanted) -> list[str]:
    return [
        f"ALTER WAREHOUSE {identifier(wanted.warehouse)} SET {_of_warehouse(wanted)}",
        f"ALTER USER {identifier(wanted.user)} SET {_of_user(wanted)}",
    ]


def _grants(wanted: Wanted) -> list[str]:
    role = identifier(wanted.role)
    return [
        *(f"GRANT {each.privilege} ON {each.kind} {identifier(*each.name)} TO ROLE {role}" for each in wanted.grants),
        f"GRANT ROLE {role} TO USER {identifier(wanted.user)}",
        # Otherwise nobody but ACCOUNTADMIN could look after the tables that the role makes.
        f"GRANT ROLE {role} TO ROLE {identifier(OBJECTS)}",
    ]


def _bounds(wanted: Wanted) -> list[str]:
    found, name = [], identifier(wanted.own_name)
    if wanted.addresses:
        allowed = f"ALLOWED_IP_LIST = ({', '.join(map(literal, wanted.addresses))})"
        found += [
            f"CREATE NETWORK POLICY IF NOT EXISTS {name} {allowed}",
            f"ALTER NETWORK POLICY {name} SET {allowed}",
            f"ALTER USER {identifier(wanted.user)} SET NETWORK_POLICY = {name}",
        ]
    if wanted.credits:
        quota, triggers = (
            f"CREDIT_QUOTA = {wanted.credits}",
            "TRIGGERS ON 80 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND",
        )
        found += [
            f"CREATE RESOURCE MONITOR IF NOT EXISTS {name} WITH {quota} FREQUENCY = MONTHLY "
            f"START_TIMESTAMP = IMMEDIATELY {triggers}",
            f"ALTER RESOURCE MONITOR {name} SET {quota} {triggers}",
            f"ALTER WAREHOUSE {identifier(wanted.warehouse)} SET RESOURCE_MONITOR = {name}",
        ]
    return found

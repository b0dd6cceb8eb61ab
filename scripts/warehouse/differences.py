"""How an account differs from what is wanted, as its own SHOW and DESC tell it: a line for each difference."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from scripts.shared.key_pair import fingerprint
from scripts.warehouse.grants import Grant
from scripts.warehouse.login import Row
from scripts.warehouse.quoting import identifier, literal, shown
from scripts.warehouse.script import ADMINISTRATOR, OBJECTS
from scripts.warehouse.slots import read_slots
from scripts.warehouse.wanted import Wanted

Ask = Callable[[str], list[Row]]
# What a role owns of these it has made in a schema where it may.
MADE_BY_FLOWS = {"TABLE", "VIEW", "STAGE", "FILE FORMAT"}


def differences(wanted: Wanted, ask: Ask) -> list[str]:
    """Each as `<what>: got …; expected …`."""
    ask(f"USE ROLE {identifier(ADMINISTRATOR)}")
    present, missing = without_missing(wanted, ask)
    return [
        *_place(present, ask),
        *_warehouse(present, ask),
        *_monitor(present, ask),
        *_policy(present, ask),
        *_user(present, ask),
        *_role(present, ask),
        *missing,
    ]


def without_missing(wanted: Wanted, ask: Ask) -> tuple[Wanted, list[str]]:
    """The same without grants on what is somebody else's and not there, and VIEW for a TABLE that is one.

    Returns:
        With it a line for each table or view that is missing: nobody can be given a right to it.
    """
    own = {(wanted.database,), *((wanted.database, schema) for schema in wanted.schemas)}
    grants, missing = [], []
    for grant in wanted.grants:
        if grant.kind == "WAREHOUSE" or grant.name in own:
            grants.append(grant)
        elif row := _there(grant, ask):
            is_view = grant.kind == "TABLE" and "VIEW" in str(row["kind"]).upper()
            grants.append(grant._replace(kind="VIEW") if is_view else grant)
        elif grant.kind == "TABLE":
            missing.append(f"{shown(grant.name)}: got no such table or view; expected it, because flows read it.")
    return replace(wanted, grants=tuple(grants)), missing


def _there(grant: Grant, ask: Ask) -> Row | None:
    """The row of a database, schema, table or view; None if it, or what it would be in, is not there."""
    what, *inside = grant.name
    found = _named(ask(f"SHOW DATABASES LIKE {literal(what)}"), what)
    kinds = (("SCHEMAS", "DATABASE"), ("OBJECTS", "SCHEMA"))
    for number, (name, (kind, place)) in enumerate(zip(inside, kinds, strict=False), 1):
        if not found:
            return None
        look = f"SHOW {kind} LIKE {literal(name)} IN {place} {identifier(*grant.name[:number])}"
        found = _named(ask(look), name)
    return found


def _named(rows: list[Row], name: str) -> Row | None:
    """The row of exactly this name: in LIKE, `_` stands for any letter."""
    return next((row for row in rows if row["name"] == name), None)


def _differ(what: str, got: object, expected: object) -> Iterator[str]:
    if str(got) != str(expected):
        yield f"{what}: got {got}; expected {expected}."


def _place(wanted: Wanted, ask: Ask) -> Iterator[str]:
    if not _named(ask(f"SHOW DATABASES LIKE {literal(wanted.database)}"), wanted.database):
        yield f"database {wanted.database}: got none; expected it."
        return
    there = {row["name"] for row in ask(f"SHOW SCHEMAS IN DATABASE {identifier(wanted.database)}")}
    for name in wanted.schemas:
        if name not in there:
            yield f"schema {wanted.database}.{name}: got none; expected it."


def _warehouse(wanted: Wanted, ask: Ask) -> Iterator[str]:
    what = f"warehouse {wanted.warehouse}"
    row = _named(ask(f"SHOW WAREHOUSES LIKE {literal(wanted.warehouse)}"), wanted.warehouse)
    if not row:
        yield f"{what}: got none; expected it."
        return
    # X-Small and 2X-Large are XSMALL and XXLARGE.
    size = str(row["size"]).upper().replace("-", "").replace("2X", "XX").replace("3X", "XXX")
    yield from _differ(f"{what}, size", size, wanted.warehouse_size)
    yield from _differ(f"{what}, auto-suspend in seconds", row["auto_suspend"], wanted.auto_suspend_seconds)
    yield from _differ(f"{what}, auto-resume", str(row["auto_resume"]).lower(), "true")
    if wanted.credits:
        yield from _differ(f"{what}, resource monitor", row["resource_monitor"], wanted.own_name)


def _monitor(wanted: Wanted, ask: Ask) -> Iterator[str]:
    if not wanted.credits:
        return
    what = f"resource monitor {wanted.own_name}"
    row = _named(ask(f"SHOW RESOURCE MONITORS LIKE {literal(wanted.own_name)}"), wanted.own_name)
    if not row:
        yield f"{what}: got none; expected it."
        return
    got = str(row["credit_quota"])
    yield from _differ(
        f"{what}, credits", float(got) if got.replace(".", "", 1).isdigit() else got, float(wanted.credits)
    )
    yield from _differ(f"{what}, frequency", row["frequency"], "MONTHLY")
    yield from _differ(f"{what}, notifies at", _percent(row["notify_at"]), "80%")
    yield from _differ(f"{what}, suspends at", _percent(row["suspend_at"]), "100%")


def _percent(value: object) -> str:
    return f"{str(value).rstrip('%')}%" if value else "nothing"


def _policy(wanted: Wanted, ask: Ask) -> Iterator[str]:
    if not wanted.addresses:
        return
    what = f"network policy {wanted.own_name}"
    if not _named(ask("SHOW NETWORK POLICIES"), wanted.own_name):
        yield f"{what}: got none; expected it."
        return
    values = {row["name"]: str(row["value"]) for row in ask(f"DESC NETWORK POLICY {identifier(wanted.own_name)}")}
    allowed = sorted(filter(None, (each.strip() for each in values.get("ALLOWED_IP_LIST", "").split(","))))
    yield from _differ(f"{what}, allowed", ", ".join(allowed) or "nobody", ", ".join(sorted(wanted.addresses)))
    for name, value in values.items():
        if name != "ALLOWED_IP_LIST" and value:
            yield f"{what}, {name}: got {value}; expected none."


def _user(wanted: Wanted, ask: Ask) -> Iterator[str]:
    what = f"user {wanted.user}"
    if not _named(ask(f"SHOW USERS LIKE {literal(wanted.user)}"), wanted.user):
        yield f"{what}: got none; expected it."
        return
    slots = read_slots(wanted.user, ask)
    expected = {
        "TYPE": "SERVICE",
        "DISABLED": "false",
        "DEFAULT_ROLE": wanted.role,
        "DEFAULT_WAREHOUSE": wanted.warehouse,
        "DEFAULT_NAMESPACE": f"{wanted.database}.{wanted.schemas[0]}",
    }
    for name, value in expected.items():
        yield from _differ(f"{what}, {name}", slots.properties.get(name, "nothing"), value)
    if not wanted.public_key:
        yield f"{what}: got no private key in SSM; expected one: `make rotate-key` makes the first."
    elif not slots.slot_of(fingerprint(wanted.public_key)):
        yield (
            f"{what}: got {' and '.join(filter(None, slots.keys.values())) or 'no key'}; expected "
            f"{fingerprint(wanted.public_key)}, the key in SSM: `make rotate-key` sets it."
        )
    if wanted.addresses:
        rows = ask(f"SHOW PARAMETERS LIKE 'NETWORK_POLICY' IN USER {identifier(wanted.user)}")
        got = next((row["value"] for row in rows if row["key"] == "NETWORK_POLICY"), "")
        yield from _differ(f"{what}, NETWORK_POLICY", got or "none", wanted.own_name)
    for row in ask(f"SHOW GRANTS TO USER {identifier(wanted.user)}"):
        if row["role"] not in (wanted.role, None, ""):
            yield f"{what}: got the role {row['role']}; expected {wanted.role} only."


def _role(wanted: Wanted, ask: Ask) -> Iterator[str]:
    what = f"role {wanted.role}"
    if not _named(ask(f"SHOW ROLES LIKE {literal(wanted.role)}"), wanted.role):
        yield f"{what}: got none; expected it."
        return
    there = [_grant(row) for row in ask(f"SHOW GRANTS TO ROLE {identifier(wanted.role)}")]
    needed = [(each.privilege, each.kind.replace("VIEW", "TABLE"), shown(each.name)) for each in wanted.grants]
    for privilege, kind, name in needed:
        if (privilege, kind, name) not in there:
            yield f"{what}: got no {privilege} on {kind} {name}; expected it."
    own = {shown((wanted.database, schema)) for schema in wanted.schemas}
    for privilege, kind, name in there:
        is_made = privilege == "OWNERSHIP" and kind in MADE_BY_FLOWS and name.rpartition(".")[0] in own
        if not is_made and (privilege, kind, name) not in needed:
            yield f"{what}: got {privilege} on {kind} {name}; expected none, because nothing that is declared needs it."
    holders = {
        (row["granted_to"], row["grantee_name"]) for row in ask(f"SHOW GRANTS OF ROLE {identifier(wanted.role)}")
    }
    expected = {("USER", wanted.user), ("ROLE", OBJECTS)}
    for kind, name in sorted(expected - holders):
        yield f"{what}: got none of it for {kind} {name}; expected it."
    for kind, name in sorted(holders - expected):
        yield f"{what}: got it for {kind} {name}; expected only USER {wanted.user} and ROLE {OBJECTS}."


def _grant(row: Row) -> tuple[str, str, str]:
    """Privilege, kind and name; a view is as good as a table."""
    kind = str(row["granted_on"]).replace("_", " ")
    selects_view = row["privilege"] == "SELECT" and kind.endswith("VIEW")
    return str(row["privilege"]), "TABLE" if selects_view else kind, str(row["name"])

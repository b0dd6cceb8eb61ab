"""The two slots for public keys that a user in Snowflake has, as DESC USER tells of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from scripts.warehouse.login import Row
from scripts.warehouse.quoting import identifier, literal

SLOTS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")
# Written together with a key that is not in SSM yet: if the rotation ends there, the next one knows it as its own.
MARK = "make rotate-key has put {} here"
MARKED = re.compile(re.escape(MARK).replace(r"\{\}", r"(SHA256:\S+)"))


@dataclass(frozen=True)
class Slots:
    """`keys`: the fingerprint in each slot, empty where there is none. `properties`: all that DESC USER tells."""

    keys: dict[str, str]
    properties: dict[str, str]

    def slot_of(self, fingerprint: str) -> str:
        """The slot that holds this key; empty if none does."""
        return next((slot for slot, held in self.keys.items() if held == fingerprint), "")

    @property
    def begun(self) -> str:
        """The fingerprint that a rotation has put last, whether it came to its end or not; empty if there was none."""
        found = MARKED.search(self.properties.get("COMMENT", ""))
        return found[1] if found else ""


def read_slots(user: str, ask: Callable[[str], list[Row]]) -> Slots:
    """What DESC USER tells; `null` is nothing."""
    rows = ask(f"DESC USER {identifier(user)}")
    values = {str(row["property"]): "" if row["value"] in (None, "null") else str(row["value"]) for row in rows}
    return Slots({slot: values.get(f"{slot}_FP", "") for slot in SLOTS}, values)


def set_key(user: str, slot: str, public: str, fingerprint: str) -> str:
    """The statement that puts a key into a slot, and says so in the comment, at once."""
    return f"ALTER USER {identifier(user)} SET {slot} = {literal(public)} COMMENT = {literal(MARK.format(fingerprint))}"


def unset_key(user: str, slot: str) -> str:
    """The statement that empties a slot."""
    return f"ALTER USER {identifier(user)} UNSET {slot}"

"""Names and texts in statements. Facts name things as Snowflake reads names without quotes: in upper case."""

import re

from scripts.shared.refusal import Refusal

PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*")


def identifier(*parts: str) -> str:
    """A name of one or more parts, each in quotes, so that nothing in it can be anything but a name."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(text: str) -> str:
    """A text in quotes; Snowflake reads a backslash in it as the beginning of an escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def shown(parts: tuple[str, ...]) -> str:
    """A name as SHOW writes it: in quotes only where it takes them."""
    return ".".join(part if PLAIN.fullmatch(part) else identifier(part) for part in parts)


def full_name(text: str, what: str) -> tuple[str, str, str]:
    """The three parts of `DATABASE.SCHEMA.NAME`.

    Raises:
        Refusal: they are not three.
    """
    parts = text.split(".")
    if len(parts) != 3 or not all(parts):
        raise Refusal(f"{what}: got {text}; expected a name in full, as in DATABASE.SCHEMA.NAME, without dots in it.")
    return parts[0], parts[1], parts[2]

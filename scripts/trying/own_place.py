"""Whose schema and prefixes a try writes to: `make try AS=me`. flows/shared/own_copy.py keeps it to them."""

import re

from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

VARIABLE = "DATA_FLOWS_AS"
NAME = re.compile(r"[a-z][a-z0-9]{0,19}")


def told(environment: Environment, who: str) -> str:
    """What is written to, in words; nothing where it is the environment's.

    Raises:
        Refusal: the name has another form.
    """
    if not who:
        return ""
    if not NAME.fullmatch(who):
        raise Refusal(f'AS is "{who}"; expected a short name of small letters and digits, such as me or ana2.')
    schema = f"{environment.facts['snowflake']['schema']}_{who.upper()}"
    return f"{who}: schema {schema}, quarantine/as_{who}/ and export/as_{who}/; what SQL names in full is shared"

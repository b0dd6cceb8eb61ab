"""A try as somebody (`make try AS=me`) writes to a schema and prefixes of their own, beside those of the environment.

Without AS, names are as they are written.
"""

import os
from typing import Any

from flows.shared.errors import DataFlowsError

VARIABLE = "DATA_FLOWS_AS"
# What runs write of data. landing/ is only read, and what Prefect keeps in results/ belongs to its run.
FOLDERS = ("quarantine", "export")
WRITES = ("PutObject", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjects")


class OthersDataError(DataFlowsError):
    """A try as somebody is about to write what is the environment's; the message says which key would be theirs."""


def who() -> str:
    """Whose the try is; empty for what is the environment's."""
    return os.environ.get(VARIABLE, "")


def schema(name: str) -> str:
    """`LOADED` is `LOADED_ME`."""
    return f"{name}_{who().upper()}" if who() and name else name


def key(of: str) -> str:
    """`export/orders/x.csv` is `export/as_me/orders/x.csv`; the same for quarantine/, and other keys stay."""
    folder, _, rest = of.partition("/")
    return f"{folder}/as_{who()}/{rest}" if who() and folder in FOLDERS else of


def refuse_others(params: dict[str, Any], model: Any, **_: object) -> None:
    """For a boto3 client's event `provide-client-params.s3`: no write but to what is theirs, and to results/."""
    to = str(params.get("Key", ""))
    if model.name in WRITES and not to.startswith((*(key(f"{folder}/") for folder in FOLDERS), "results/")):
        raise OthersDataError(
            f"{model.name}: got key {to!r}; expected {key(to) if key(to) != to else 'one of its own'}."
        )

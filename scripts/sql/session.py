"""A session in an environment's warehouse: its own account, user and key, read from SSM by the caller's rights."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from flows.shared import snowflake
from flows.shared.errors import DataFlowsError
from flows.shared.settings import SnowflakeSettings
from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

NEEDED = ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "SNOWFLAKE_PRIVATE_KEY")
PASSPHRASE = "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"  # noqa: S105 - a name.


def read_settings(environment: Environment) -> SnowflakeSettings:
    """Where and as whom: place and role of the facts, the rest of SSM. It stays in memory.

    Raises:
        Refusal: a parameter is missing, may not be read, or is no account or key.
    """
    values = _parameters(environment)
    values |= {f"SNOWFLAKE_{name.upper()}": value for name, value in environment.warehouse_place.items()}
    if environment.is_local:
        from scripts.shared.local_settings import HOST, LocalSettings, no_proxy_here

        port = str(LocalSettings.load().snowflake_port)
        values |= {"SNOWFLAKE_HOST": HOST, "SNOWFLAKE_PORT": port, "SNOWFLAKE_PROTOCOL": "http", **no_proxy_here()}
    # A developer's own must not decide where the statement goes.
    for name in [name for name in os.environ if name.startswith("SNOWFLAKE_")]:
        del os.environ[name]
    os.environ |= values
    try:
        return SnowflakeSettings.load()
    except DataFlowsError as error:
        raise Refusal(str(error)) from None


def _parameters(environment: Environment) -> dict[str, str]:
    path = environment.names.path
    names = [f"{path}/{name}" for name in (*NEEDED, PASSPHRASE)]
    try:
        found = environment.client("ssm").get_parameters(Names=names, WithDecryption=True)["Parameters"]
    except ClientError as error:
        raise Refusal(f"The parameters below {path}/ may not be read: {error}.") from None
    values = {each["Name"].rpartition("/")[2]: str(each["Value"]) for each in found}
    if missing := [f"{path}/{name}" for name in NEEDED if name not in values]:
        raise Refusal(f"SSM has no {', '.join(missing)}; expected the account, user and key that the flows use.")
    return values


@contextmanager
def answer(settings: SnowflakeSettings, sql: str) -> Iterator[Any]:
    """The cursor of the one statement, executed. Its rows come while they are read; Ctrl-C cancels the statement.

    Raises:
        Refusal: with Snowflake's code, sentence and place in the statement; exit code 1 if it refused the statement.
    """
    from snowflake.connector.errors import Error, ProgrammingError

    try:
        with (
            snowflake.connect(settings, "make sql", getpass.getuser()) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, num_statements=1)  # Snowflake refuses any other number.
            yield cursor
    except DataFlowsError as error:
        raise Refusal(str(error)) from None
    except Error as error:
        said = " ".join(str(error.raw_msg or error.msg or error).split())
        raise Refusal(f"Snowflake {error.errno:06d}: {said}", 1 if isinstance(error, ProgrammingError) else 2) from None

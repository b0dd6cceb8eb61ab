"""A person's own session in the account: its settings are the connector's usual ones, connections.toml or variables."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flows.shared.snowflake_account import Account
from scripts.shared.refusal import Refusal

Row = dict[str, Any]
EXPECTED = (
    "expected a connection with the right to administer it, in the connector's connections.toml or in variables "
    "SNOWFLAKE_CONNECTIONS_<NAME>_ACCOUNT, …; SNOWFLAKE_DEFAULT_CONNECTION_NAME chooses one"
)
CHANGES = ("CREATE", "ALTER", "GRANT")
WHERE_AM_I = "SELECT CURRENT_ORGANIZATION_NAME(), CURRENT_ACCOUNT_NAME(), CURRENT_ACCOUNT(), CURRENT_REGION()"


class Session:
    """Runs statements and returns rows by their columns' names, in lower case."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, sql: str) -> list[Row]:
        """The rows of one statement.

        Raises:
            Refusal: with the statement and Snowflake's sentence; exit code 1 if it refused a change.
        """
        from snowflake.connector.errors import Error, ProgrammingError

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                names = [column.name.lower() for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except Error as error:
            code = 1 if isinstance(error, ProgrammingError) and sql.startswith(CHANGES) else 2
            # The public half of a key is no secret, but as long as a page.
            told = re.sub(r"'[A-Za-z0-9+/=]{100,}'", "'…'", sql)
            raise Refusal(f"Snowflake refused `{told}`: {sentence(error)}", code) from None


def sentence(error: Any) -> str:
    """What the connector's error says, in one line with its code."""
    said = " ".join(str(error.raw_msg or error.msg or error).split())
    return f"{error.errno:06d}: {said}" if isinstance(error.errno, int) and error.errno > 0 else said


@contextmanager
def own_session(account: Account) -> Iterator[Session]:
    """The person's session, in that account.

    Raises:
        Refusal: there is no connection to choose, it is not let in, or it is in another account.
    """
    import snowflake.connector
    from snowflake.connector.errors import Error

    try:
        connection = snowflake.connector.connect()
    except (Error, ValueError, OSError) as error:  # The latter of a file with settings or a key.
        told = sentence(error) if isinstance(error, Error) else str(error)
        raise Refusal(f"No session of your own in Snowflake ({told}); {EXPECTED}.") from None
    try:
        session = Session(connection)
        require_account(session, account)
        yield session
    finally:
        connection.close()


def require_account(session: Session, account: Account) -> None:
    """Refuse a session in another account than SSM names, before anything is asked or changed.

    Raises:
        Refusal: with both accounts.
    """
    try:
        [row] = session.ask(WHERE_AM_I)
    except Refusal as refusal:
        raise Refusal(f"Which account this is could not be asked: {refusal}") from None
    organization, name, locator, region = (str(value or "") for value in row.values())
    if not is_account(account.name, organization, name, locator, region):
        raise Refusal(
            f"Snowflake: got a session in account {organization}-{name} ({locator} in {region}); expected "
            f"{account.name}, which SNOWFLAKE_ACCOUNT in SSM names: choose another connection with "
            "SNOWFLAKE_DEFAULT_CONNECTION_NAME."
        )


def is_account(expected: str, organization: str, name: str, locator: str, region: str) -> bool:
    """Whether an account identifier is that of the account that a session says it is in.

    `expected`: `myorg-myaccount`, where _ and - are one, or a locator with or without its region. `region`: as
    CURRENT_REGION says it, such as AWS_EU_WEST_1, in some accounts after the name of a region group and a dot.
    """
    if _plain(expected) == _plain(f"{organization}-{name}") and organization:
        return True
    first, *where = expected.lower().split(".")
    known = _plain(region.rpartition(".")[2])
    return first == locator.lower() and all(_plain(part) in known for part in where)


def _plain(text: str) -> str:
    return re.sub(r"[-_]", "", text.lower())

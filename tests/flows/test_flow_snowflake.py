"""What flows do in Snowflake: load by key, all or nothing."""

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa

from flows.shared import snowflake
from flows.shared.private_key import PrivateKeyError
from flows.shared.settings import SnowflakeSettings

COLUMNS = {"ID": "NUMBER(38,0)", "PRICE": "NUMBER(38,0)", "SEEN": "NUMBER(38,0)"}
MERGE = snowflake.merge_sql("ORDERS", "INCOMING", ["ID"], ["PRICE"], ["SEEN"], ["SEEN DESC"])


@pytest.fixture
def connection(world):
    """A session in a schema that holds ORDERS and the temporary INCOMING, both empty."""
    with snowflake.connect(SnowflakeSettings.load(), "test", "test") as connection:
        snowflake.create_table(connection, "ORDERS", COLUMNS)
        snowflake.create_table(connection, "INCOMING", COLUMNS, kind="TEMPORARY")
        yield connection


def merge(connection, *rows):
    """Merge rows of (id, price, seen) into ORDERS; the numbers inserted and updated."""
    snowflake.execute(connection, "DELETE FROM INCOMING")
    for row in rows:
        snowflake.execute(connection, "INSERT INTO INCOMING VALUES (%s, %s, %s)", row)
    with snowflake.transaction(connection):
        return snowflake.merge(connection, MERGE)


def orders(connection):
    return snowflake.execute(connection, "SELECT ID, PRICE, SEEN FROM ORDERS ORDER BY ID")


def test_a_session_is_opened_with_an_encrypted_key_and_its_passphrase(world, monkeypatch):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    locked = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"a passphrase"))
    monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY", locked.decode())
    with pytest.raises(PrivateKeyError, match="without its passphrase"):
        world.query("SELECT 1")
    monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "a passphrase")
    assert world.query("SELECT 1") == [(1,)]


def test_only_rows_that_are_new_or_differ_are_written(connection):
    assert merge(connection, (1, 10, 1), (2, 20, 1)) == (2, 0)
    assert merge(connection, (1, 10, 2), (2, 21, 2), (3, 30, 2)) == (1, 1)
    assert orders(connection) == [(1, 10, 1), (2, 21, 2), (3, 30, 2)], "SEEN alone is no change"


def test_a_value_that_becomes_known_or_unknown_is_a_change(connection):
    merge(connection, (1, None, 1), (2, 20, 1), (3, None, 1))
    assert merge(connection, (1, 10, 2), (2, None, 2), (3, None, 2)) == (0, 2)
    assert orders(connection) == [(1, 10, 2), (2, None, 2), (3, None, 1)]


def test_of_several_rows_with_one_key_the_newest_counts(connection):
    assert merge(connection, (1, 30, 3), (1, 10, 1), (1, 20, 2)) == (1, 0)
    assert orders(connection) == [(1, 30, 3)]


def test_a_transaction_that_fails_leaves_nothing(connection):
    with pytest.raises(ConnectionResetError), snowflake.transaction(connection):  # noqa: PT012 - what it interrupts.
        snowflake.execute(connection, "INSERT INTO ORDERS VALUES (1, 10, 1)")
        raise ConnectionResetError
    assert orders(connection) == []


def test_parquet_files_are_staged_and_copied(connection, tmp_path):
    import polars as pl

    for number in (1, 2):
        path = tmp_path / f"{number}.parquet"
        pl.DataFrame({"ID": [number], "PRICE": [number * 10], "SEEN": [0]}).write_parquet(path)
        snowflake.put_parquet(connection, path, "INCOMING")
    assert snowflake.copy_parquet(connection, "INCOMING") == 2
    rows = snowflake.execute(connection, "SELECT ID, PRICE FROM INCOMING ORDER BY ID")
    assert rows == [(1, 10), (2, 20)]

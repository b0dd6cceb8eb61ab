"""An AWS account with the parameters of the environment amber, and a Snowflake account that the connector leads to."""

import pytest
import snowflake.connector
from amber_cloud import amber_cloud
from snowflake_account import Account

from scripts.shared.key_pair import fingerprint, new_key_pair


@pytest.fixture
def cloud():
    with amber_cloud() as found:
        yield found


@pytest.fixture
def account(monkeypatch):
    """The Snowflake account of amber; the connector's `connect` leads there."""
    found = Account()
    monkeypatch.setattr(snowflake.connector, "connect", found.connect)
    return found


@pytest.fixture
def first_key(cloud, account):
    """A key that is in SSM and in the first slot; returns its fingerprint."""
    private, public = new_key_pair()
    account.keys["RSA_PUBLIC_KEY"] = public
    cloud.put("SNOWFLAKE_PRIVATE_KEY", private)
    return fingerprint(public)

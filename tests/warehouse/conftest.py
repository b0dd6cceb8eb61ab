"""An AWS account with the parameters of the environment amber, and a Snowflake account that the connector leads to."""

import pytest
import snowflake.connector
from amber_cloud import DATA, amber_cloud
from snowflake_account import Account

from scripts.shared.environments import find_environment
from scripts.shared.key_pair import fingerprint, new_key_pair
from scripts.warehouse import wanted as wanting
from scripts.warehouse.login import Session


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


@pytest.fixture(scope="module")
def want():
    """What amber wants, with these data sets, two NAT addresses and a key."""
    with amber_cloud() as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setattr(wanting, "sql_files", lambda _: [])
        cloud.put("SNOWFLAKE_PRIVATE_KEY", new_key_pair()[0])
        cloud.apply(nat_addresses=["198.51.100.1", "198.51.100.2"])
        return wanting.wanted(find_environment("amber"), DATA)


@pytest.fixture
def answers(account, want):
    """The account answers as if all were as it is wanted."""
    account.keys["RSA_PUBLIC_KEY"] = want.public_key
    own = want.own_name
    grants = [
        {"created_on": "", "privilege": privilege, "granted_on": kind, "name": ".".join(name), "granted_to": "ROLE",
         "grantee_name": want.role, "grant_option": "false", "granted_by": "ACCOUNTADMIN"}
        for privilege, kind, name in [
            *((*each[:1], "VIEW" if each.name[-1] == "STREETS" else each.kind, each.name) for each in want.grants),
            ("OWNERSHIP", "TABLE", ("HARBOUR_AMBER", "SHIPS", "SHIPS")),
        ]
    ]  # fmt: skip
    account.answers |= {
        "SHOW DATABASES LIKE 'TOWN'": [{"name": "TOWN"}],
        "SHOW DATABASES": [{"name": "HARBOUR_AMBER"}, {"name": "HARBOURXAMBER"}],
        "SHOW SCHEMAS LIKE 'ANALYTICS'": [{"name": "ANALYTICS"}],
        "SHOW SCHEMAS LIKE 'OPEN'": [{"name": "OPEN"}],
        "SHOW SCHEMAS IN": [{"name": "SHIPS"}, {"name": "SEA"}],
        "SHOW OBJECTS LIKE 'BERTHS'": [{"name": "BERTHS", "kind": "TABLE"}],
        "SHOW OBJECTS LIKE 'STREETS'": [{"name": "STREETS", "kind": "VIEW"}],
        "SHOW WAREHOUSES": [{"name": "LOADING_AMBER", "state": "SUSPENDED", "size": "X-Small", "auto_suspend": 60,
                             "auto_resume": "true", "resource_monitor": own}],
        "SHOW RESOURCE MONITORS": [{"name": own, "credit_quota": "40.00", "used_credits": "1.5", "frequency": "MONTHLY",
                                    "notify_at": "80%", "suspend_at": "100%", "suspend_immediately_at": None}],
        "SHOW NETWORK POLICIES": [{"name": own, "comment": "", "entries_in_allowed_ip_list": 3}],
        "DESC NETWORK POLICY": [{"name": "ALLOWED_IP_LIST", "value": "203.0.113.0/24,198.51.100.1,198.51.100.2"},
                                {"name": "BLOCKED_IP_LIST", "value": ""}],
        "SHOW USERS": [{"name": "HARBOUR_FLOWS"}],
        "DESC USER": account.described(
            TYPE="SERVICE", DISABLED="false", DEFAULT_ROLE=want.role, DEFAULT_WAREHOUSE="LOADING_AMBER",
            DEFAULT_NAMESPACE="HARBOUR_AMBER.SHIPS",
        ),
        "SHOW PARAMETERS": [{"key": "NETWORK_POLICY", "value": own, "default": "", "level": "USER"}],
        "SHOW GRANTS TO USER": [{"role": want.role, "granted_to": "USER", "grantee_name": "HARBOUR_FLOWS"}],
        "SHOW ROLES": [{"name": want.role}],
        "SHOW GRANTS TO ROLE": grants,
        "SHOW GRANTS OF ROLE": [{"role": want.role, "granted_to": "USER", "grantee_name": "HARBOUR_FLOWS"},
                                {"role": want.role, "granted_to": "ROLE", "grantee_name": "SYSADMIN"}],
    }  # fmt: skip
    return account.answers


@pytest.fixture
def ask(account):
    """Runs a statement as a person, and gives its rows."""
    return Session(account.connect()).ask

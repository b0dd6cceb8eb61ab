"""Each way in which an account differs from what is wanted is a line; where nothing differs, there is none."""

from dataclasses import replace

import pytest

from scripts.warehouse.differences import differences


def test_nothing_differs_where_all_is_as_wanted(want, answers, ask):
    assert differences(want, ask) == []


@pytest.mark.parametrize(("beginning", "change", "told"), [
    ("SHOW DATABASES", [], "database HARBOUR_AMBER: got none; expected it."),
    ("SHOW SCHEMAS IN", [{"name": "SHIPS"}], "schema HARBOUR_AMBER.SEA: got none; expected it."),
    ("SHOW WAREHOUSES", [], "warehouse LOADING_AMBER: got none; expected it."),
    ("SHOW WAREHOUSES", {"size": "2X-Large"}, "warehouse LOADING_AMBER, size: got XXLARGE; expected XSMALL."),
    ("SHOW WAREHOUSES", {"auto_suspend": 600},
     "warehouse LOADING_AMBER, auto-suspend in seconds: got 600; expected 60."),
    ("SHOW WAREHOUSES", {"resource_monitor": "null"},
     "warehouse LOADING_AMBER, resource monitor: got null; expected HARBOR_FLOWS_AMBER."),
    ("SHOW RESOURCE", {"credit_quota": "90.00"},
     "resource monitor HARBOR_FLOWS_AMBER, credits: got 90.0; expected 40.0."),
    ("SHOW RESOURCE", {"suspend_at": None},
     "resource monitor HARBOR_FLOWS_AMBER, suspends at: got nothing; expected 100%."),
    ("SHOW NETWORK", [], "network policy HARBOR_FLOWS_AMBER: got none; expected it."),
    ("DESC NETWORK", {"value": "0.0.0.0/0"}, "network policy HARBOR_FLOWS_AMBER, allowed: got 0.0.0.0/0; expected "
     "198.51.100.1, 198.51.100.2, 203.0.113.0/24."),
    ("SHOW USERS", [], "user HARBOUR_FLOWS: got none; expected it."),
    ("SHOW PARAMETERS", [], "user HARBOUR_FLOWS, NETWORK_POLICY: got none; expected HARBOR_FLOWS_AMBER."),
    ("SHOW GRANTS TO USER", {"role": "ACCOUNTADMIN"},
     "user HARBOUR_FLOWS: got the role ACCOUNTADMIN; expected HARBOUR_LOADER_AMBER only."),
    ("SHOW ROLES", [], "role HARBOUR_LOADER_AMBER: got none; expected it."),
    ("SHOW GRANTS TO ROLE", {"privilege": "MODIFY"},
     "role HARBOUR_LOADER_AMBER: got MODIFY on WAREHOUSE LOADING_AMBER; expected none, because nothing that is "
     "declared needs it."),
    ("SHOW GRANTS TO ROLE", {"privilege": "MODIFY"},
     "role HARBOUR_LOADER_AMBER: got no USAGE on WAREHOUSE LOADING_AMBER; expected it."),
    ("SHOW GRANTS OF ROLE", {"grantee_name": "ANNA"},
     "role HARBOUR_LOADER_AMBER: got it for USER ANNA; expected only USER HARBOUR_FLOWS and ROLE SYSADMIN."),
    ("SHOW OBJECTS LIKE 'BERTHS'", [],
     "HARBOUR_AMBER.ANALYTICS.BERTHS: got no such table or view; expected it, because flows read it."),
])  # fmt: skip
def test_each_difference_is_a_line(want, answers, ask, beginning, change, told):
    (key,) = [key for key in answers if key.startswith(beginning) and key != "SHOW DATABASES LIKE 'TOWN'"][:1]
    answers[key] = [answers[key][0] | change, *answers[key][1:]] if isinstance(change, dict) else change
    assert told in differences(want, ask)


def test_a_key_of_ssm_that_is_in_neither_slot_is_a_difference(want, answers, ask):
    (line,) = differences(replace(want, public_key="AAAA"), ask)
    assert line.startswith("user HARBOUR_FLOWS: got SHA256:")
    assert line.endswith("the key in SSM: `make rotate-key` sets it.")

"""What tests of commands share."""

import pytest

from scripts.shared import guard
from scripts.shared.environments import Environment


@pytest.fixture(autouse=True)
def of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's credentials are of the environment's account, whichever that is; SSM has Snowflake's."""
    monkeypatch.setattr(
        Environment, "require_account", lambda self: f"arn:aws:sts::{self.facts['account_id']}:assumed-role/Person/me"
    )
    monkeypatch.setattr(guard, "warehouse_account", lambda _: "harbour")

"""The keys that SSM has and had, who may still hold one, and whether Snowflake accepts one."""

from datetime import UTC, datetime

from scripts.parameters.store import Store
from scripts.shared.environments import Environment
from scripts.shared.known_parameters import SECURE
from scripts.shared.parameter_forms import PASSPHRASE, PRIVATE_KEY
from scripts.shared.refusal import Refusal
from scripts.warehouse.rotation import Stored
from scripts.warehouse.service import service_session, settings_with
from scripts.warehouse.wanted import Identity, public_of

AT_ONCE = 100  # Tasks that ECS describes in one call.


class StoredKeys:
    """Of one environment. A private key is in memory while it is read, tried or written, and nowhere else."""

    def __init__(self, environment: Environment, identity: Identity) -> None:
        self.environment, self.identity = environment, identity
        self.store = Store(environment)

    def read(self) -> list[Stored]:
        """Every key that SSM has had, the latest first.

        Raises:
            Refusal: the latest is no key. Former values that are none were never accepted by Snowflake.
        """
        passphrase, found = self.store.value(PASSPHRASE), list[Stored]()
        for number, (value, written) in enumerate(self.store.history(PRIVATE_KEY)):
            try:
                found.append(Stored(public_of(value, passphrase), written))
            except Refusal:
                if number == 0:
                    raise
        return found

    def write(self, private: str) -> None:
        """Make a private key that of the environment, encrypted with its key."""
        self.store.write(PRIVATE_KEY, SECURE, private)

    def connects(self, private: str | None) -> None:
        """Refuse unless the user gets in with this key; without one, with that of SSM.

        Raises:
            Refusal: in one sentence, why; exit code 1.
        """
        passphrase = None if private else self.store.value(PASSPHRASE)
        settings = settings_with(
            self.environment, self.identity, private or self.store.value(PRIVATE_KEY) or "", passphrase
        )
        with service_session(self.environment, settings) as session:
            session.ask("SELECT CURRENT_USER()")

    def holders(self, before: datetime) -> int:
        """How many flow runs' tasks were created before that moment and have not ended."""
        ecs, cluster = self.environment.client("ecs"), self.environment.title
        pages = ecs.get_paginator("list_tasks")
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")  # What is told to stop goes on for a while.
            for page in pages.paginate(cluster=cluster, desiredStatus=status)
            for arn in page["taskArns"]
        ]
        tasks = [
            task
            for start in range(0, len(arns), AT_ONCE)
            for task in ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + AT_ONCE])["tasks"]
        ]
        return sum(
            task["lastStatus"] != "STOPPED"
            and not task.get("createdAt", datetime.min.replace(tzinfo=UTC)) >= before
            and not task.get("group", "").startswith("service:")  # The agent's tasks have no key.
            for task in tasks
        )

"""What tests of registration share: a repository of their own, registered with a real Prefect server."""

import re
from collections.abc import Iterator

import pytest
import receivers
from repositories import Repository


@pytest.fixture
def repository(prefect_server, request, tmp_path) -> Iterator[Repository]:
    """An empty repository, for a stack named as the test: all tests share one server."""
    name = re.sub("[^a-zA-Z]+", "-", request.node.name.removeprefix("test_"))[:60].strip("-")
    repository = Repository(tmp_path / "repository", f"DataFlows-{name.capitalize()}")
    yield repository
    for each in repository.held().values():
        repository.ask(f"deployments/{each['id']}", "DELETE")
    for each in repository.ask("v2/concurrency_limits/filter", limit=200):  # They are the server's.
        repository.ask(f"v2/concurrency_limits/{each['id']}", "DELETE")
    for each in repository.ask("variables/filter", limit=200):
        repository.ask(f"variables/{each['id']}", "DELETE")


@pytest.fixture
def received() -> Iterator[receivers.Receivers]:
    """Stand-ins for PagerDuty, Slack and Teams."""
    with receivers.serving() as stand_in:
        yield stand_in

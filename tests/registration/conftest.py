"""What tests of registration share: a repository of their own, registered with a real Prefect server."""

import re
from collections.abc import Iterator

import pytest
from repositories import ImportedHere, Repository

from scripts.registration import loading
from scripts.registration.limits import PREFIX
from scripts.shared.environments import Environment


@pytest.fixture
def repository(prefect_server, request, tmp_path, monkeypatch) -> Iterator[Repository]:
    """An empty repository, in an environment named as the test: all tests share one server."""
    monkeypatch.setattr(loading, "Imports", ImportedHere)
    name = re.sub("[^a-zA-Z]+", "-", request.node.name.removeprefix("test_"))[:60].strip("-")
    repository = Repository(tmp_path / "repository", Environment(name, tmp_path / "build"))
    yield repository
    for each in repository.held().values():
        repository.ask(f"deployments/{each['id']}", "DELETE")
    for each in repository.ask("v2/concurrency_limits/filter", limit=200):  # They are of no environment.
        if each["name"].startswith(PREFIX):
            repository.ask(f"v2/concurrency_limits/{each['id']}", "DELETE")

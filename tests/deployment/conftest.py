"""Two environments in one account, one of them of another stack, applied at once. The tests of this folder share them,
and xdist gives them to one worker (tests/conftest.py).

They go through stages, each a fixture that waits for the one before; a test runs at the latest stage it asks for:
`applying` → `deployed` → `blue_going` → `blue_gone`. What waits inside Terraform thus costs little: the
lock is tried while both are applied, and green is changed while blue is destroyed.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError
from deployment import ACCOUNT, REGION, STACKS, Deployment, Repository
from embedded_aws import EmbeddedAws
from fixture_repository import fixture_repository
from inventory import inventory
from patience import until
from repository_copy import commit

STAGES = ("applying", "deployed", "blue_going", "blue_gone")


@pytest.hookimpl(tryfirst=True)  # Before the order of the folders, which keeps what it finds.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By stage."""
    items.sort(key=lambda item: max((STAGES.index(name) for name in item.fixturenames if name in STAGES), default=-1))


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An AWS account of the tests' own."""
    aws = EmbeddedAws(tmp_path_factory.mktemp("aws"), ACCOUNT, REGION)
    try:
        aws.start()
        yield aws
    finally:
        aws.stop()


@pytest.fixture(scope="session")
def repository(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of this repository with environments of the tests' own: blue and green."""
    return Repository(fixture_repository(tmp_path_factory.mktemp("deployment") / "repository"), aws)


@pytest.fixture(scope="session")
def elsewhere(repository: Repository) -> Deployment:
    """An environment whose facts name another account than the one there are credentials for."""
    red = repository.add_environment("red", "777788889999")
    repository.make_state_bucket(red.bucket("state"))
    return red


@dataclass(frozen=True)
class Deploying:
    """Both environments, and what was in the account before them; `applies` end when they are applied.

    `bootstrap` ends when the account is prepared; the environments need no more of that than their state buckets.
    """

    environments: dict[str, Deployment]
    before: set[str]
    bootstrap: Future
    applies: list[Future]
    threads: ThreadPoolExecutor


@pytest.fixture(scope="session")
def applying(aws: EmbeddedAws, repository: Repository, elsewhere: Deployment) -> Iterator[Deploying]:
    """Blue and green while two Terraforms apply them."""
    environments = {name: repository.add_environment(name) for name in STACKS.values()}
    commit(repository.root)
    with ThreadPoolExecutor(3) as threads:  # Waits in the end for what is still under way.
        bootstrap = threads.submit(repository.prepare_account)
        for each in environments.values():
            bucket = each.bucket("state")
            until(lambda bucket=bucket: is_versioned(aws, bucket) or bootstrap.done())
        before = inventory(aws)
        applies = [threads.submit(each.apply) for each in environments.values()]
        yield Deploying(environments, before, bootstrap, applies, threads)


def is_versioned(aws: EmbeddedAws, bucket: str) -> bool:
    """Whether a bucket is there and keeps versions."""
    with suppress(ClientError):
        return aws["s3"].get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
    return False


@pytest.fixture(scope="session")
def deployed(applying: Deploying) -> dict[str, Deployment]:
    """Blue and green, applied."""
    for apply in (applying.bootstrap, *applying.applies):
        if failure := apply.exception():
            # Once for all who wait: Terraform's errors without all that it did before.
            pytest.fail(getattr(failure, "cmd_error", None) or repr(failure), pytrace=False)
    return applying.environments


@pytest.fixture(params=["blue", "green"])
def environment(request: pytest.FixtureRequest, deployed: dict[str, Deployment]) -> Deployment:
    """Each of the two, applied."""
    return deployed[request.param]


@pytest.fixture(scope="session")
def full(aws: EmbeddedAws, deployed: dict[str, Deployment]) -> set[str]:
    """What is in the account with both."""
    return inventory(aws)


@pytest.fixture(scope="session")
def blue_going(applying: Deploying, deployed: dict[str, Deployment], full: set[str]) -> Future:
    """Blue while Terraform destroys it."""
    return applying.threads.submit(deployed["blue"].destroy)


@pytest.fixture(scope="session")
def blue_gone(blue_going: Future) -> None:
    """Blue is destroyed, green is there."""
    blue_going.result()

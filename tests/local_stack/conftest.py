"""One embedded AWS for all tests of a session that need one."""

from collections.abc import Iterator

import pytest
from embedded_cloud import Cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running embedded AWS with what every task needs; the tests that share it are of one xdist group."""
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    cloud.start()
    try:
        cloud.prepare()
        yield cloud
    finally:
        cloud.stop()

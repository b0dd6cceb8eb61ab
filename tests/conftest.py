"""What all tests share: their order, and a Prefect server for the files that need one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, as two workers want it: end to end, then servers and Terraform, then the rest."""
    slow = ("end_to_end", "deployment", "local_stack", "modules", "terraform", "registration", "flows")
    items.sort(key=lambda item: slow.index(item.path.parent.name) if item.path.parent.name in slow else len(slow))


@pytest.hookimpl(optionalhook=True)  # Without xdist there is nothing to hand out.
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Hand tests out by file as `--dist loadfile` does, but tests/deployment whole: its files share what they apply."""
    from xdist.scheduler import LoadFileScheduling

    class ByFileOrDeployment(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tests/deployment" if file.startswith("tests/deployment/") else file

    return ByFileOrDeployment(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="module")
def prefect_server() -> Iterator[str]:
    """The API address of a Prefect server of the test file's own; Prefect's client and ours know only it."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness  # Seconds, which most test files need not spend.

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
            patch.delenv(name, raising=False)
        with prefect_test_harness(server_startup_timeout=120):
            patch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
            yield PREFECT_API_URL.value()

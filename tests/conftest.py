"""What all tests share: their order, and a Prefect server for the files that need one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, as a few workers want it: end to end, then servers and Terraform, then the rest."""
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


@pytest.fixture(scope="session")
def prefect_process() -> Iterator[str]:
    """The API address of the session's Prefect server, which starts when the first test needs it."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness  # Seconds, which most test files need not spend.

    # What the harness sets for Prefect holds in its thread alone, and is not to reach tests that know no server.
    with ThreadPoolExecutor(1) as thread, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        harness = prefect_test_harness(server_startup_timeout=120)
        thread.submit(harness.__enter__).result()
        yield thread.submit(PREFECT_API_URL.value).result()
        thread.submit(harness.__exit__, None, None, None).result()


@pytest.fixture(scope="module")
def prefect_server(prefect_process: str) -> Iterator[str]:
    """The same, and Prefect's client and ours know only it."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with pytest.MonkeyPatch.context() as patch, temporary_settings({PREFECT_API_URL: prefect_process}):
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("PREFECT_API_URL", prefect_process)
        for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
            patch.delenv(name, raising=False)
        yield prefect_process

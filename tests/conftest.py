"""What all tests share: their order, their end, and a Prefect server for the files that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from patience import PATIENCE_SECONDS

from scripts.shared import environments, terraform
from scripts.shared.refusal import Refusal
from tests import session_guard

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling


TESTS = Path(__file__).parent
BUILT_IMAGE = TESTS / "image_built"
# What takes longest first, as a few workers want it: end to end, then servers and Terraform, then the rest.
SLOW_FOLDERS = (
    "end_to_end",
    "deployment",
    "move_in",
    "local_stack",
    "modules",
    "terraform",
    "registration",
    "sentry",
    "flows",
)
SHARED_FOLDERS = ("tests/deployment", "tests/end_to_end")
# A test needs Terraform, a server, checkov or a browser if it stands in one of these folders, asks for one of these
# fixtures, or its file imports one of these names.
TERRAFORM_FOLDERS = {"end_to_end", "deployment", "move_in", "modules", "terraform"}
SERVER_FIXTURES = {"prefect_process", "snowflake_port", "s3_port"}
STARTERS = {"EmbeddedAws", "Cloud", "supervision", "CheckovScan", "browser", "session_guard"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fast` runs what needs nothing but Python."""
    parser.addoption(
        "--faults",
        action="store_true",
        help="only the faults of `make faults`, with the long ones that are left out otherwise",
    )
    parser.addoption(
        "--image", action="store_true", help="the tests of the built image too, which `make test` leaves out"
    )
    parser.addoption(
        "--fast", action="store_true", help="only tests that need no Terraform, no server, no checkov and no browser"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the built image's tests out unless they are asked for: they need root, and Debian's tools."""
    return True if collection_path == BUILT_IMAGE and not config.getoption("--image") else None


@pytest.hookimpl(trylast=True)  # After the plugin that chooses the temporary folder.
def pytest_configure(config: pytest.Config) -> None:
    """Find Terraform for the tests that call it themselves; let nothing outlive the run."""
    if not config.getoption("--fast"):
        with suppress(Refusal):  # Each test that needs it says so.
            terraform.check_version()
    os.environ |= terraform.GARBAGE_COLLECTION  # Also for the Terraform that a test calls itself.
    if not hasattr(config, "workerinput"):  # A worker's children are the run's.
        # What a developer keeps for the local stack is none of the tests'.
        os.environ["DATA_FLOWS_SECRETS_FILE"] = str(config._tmp_path_factory.getbasetemp() / "none.secrets.env")
        session_guard.start(config._tmp_path_factory.getbasetemp())


def folder_of(item: pytest.Item) -> str:
    """The folder below tests/ that the item stands in."""
    return item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""


def is_slow(item: pytest.Item) -> bool:
    """Whether the item needs more than Python."""
    return (
        folder_of(item) in TERRAFORM_FOLDERS
        or not SERVER_FIXTURES.isdisjoint(item.fixturenames)
        or not STARTERS.isdisjoint(vars(item.module))
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first, or with --fast leave it out; with --faults keep only the faults."""
    faults = config.getoption("--faults")
    wanted = [
        item.path.stem == "test_run_faults" if faults else not item.get_closest_marker("faults") for item in items
    ]
    config.hook.pytest_deselected(items=[item for item, keep in zip(items, wanted, strict=True) if not keep])
    items[:] = [item for item, keep in zip(items, wanted, strict=True) if keep]
    if config.getoption("--fast"):
        config.hook.pytest_deselected(items=[item for item in items if is_slow(item)])
        items[:] = [item for item in items if not is_slow(item)]
    order = {name: place for place, name in enumerate(SLOW_FOLDERS)}
    items.sort(key=lambda item: order.get(folder_of(item), len(order)))


@pytest.hookimpl(optionalhook=True)  # Without xdist there is nothing to hand out.
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Hand tests out by file as `--dist loadfile` does, but the folders whole whose files share what they bring up."""
    from xdist.scheduler import LoadFileScheduling

    class ByFileOrFolder(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((folder for folder in SHARED_FOLDERS if file.startswith(f"{folder}/")), file)

    return ByFileOrFolder(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture
def made_up_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """`find_environment` knows those of tests/fixtures/environments (amber, violet, local) and not the user's."""
    monkeypatch.setattr(environments, "FACTS", TESTS / "fixtures" / "environments")


@pytest.fixture(scope="session")
def prefect_process() -> Iterator[str]:
    """The API address of the session's Prefect server, which starts when the first test needs it."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness  # Seconds, which most test files need not spend.

    # What the harness sets for Prefect holds in its thread alone, and is not to reach tests that know no server.
    with ThreadPoolExecutor(1) as thread, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        harness = prefect_test_harness(server_startup_timeout=PATIENCE_SECONDS)
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was left out; after `make faults`, a table: each fault, how it ended, how long until all was final."""
    if not config.getoption("--image"):
        terminalreporter.write_line("left out: tests of the built image (make test-image)")
    if not config.getoption("--faults"):
        return
    reports = [report for each in terminalreporter.stats.values() for report in each if hasattr(report, "when")]
    outcomes = {report.nodeid: report.outcome for report in reports if report.when == "call"}
    torn_down = [report for report in reports if report.when == "teardown"]
    found = {report.nodeid: dict(report.user_properties).get("fault", {}) for report in torn_down}
    names = ("tries", "outcome", "final", "email", "pagerduty", "slack", "teams", "lost", "doubled")
    rows = [("", "fault", *names)]
    for test, outcome in outcomes.items():
        fault = test.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        rows.append((outcome, fault, *(str(found.get(test, {}).get(name, "")) for name in names)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section("faults: seconds until all runs were final, and from then until each channel was told")
    for row in rows:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))

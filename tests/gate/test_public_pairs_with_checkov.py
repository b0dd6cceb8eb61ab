"""Our rules and checkov together find what public policy projects call bad in a plan of somebody else."""

from collections.abc import Iterator

import pytest
from plan_builder import write
from public_pairs import PAIRS
from public_pairs.judging import BAD, GOOD, found, table
from public_pairs.pair import plan_of_all

from scripts.gate.checkov_scan import CheckovScan
from scripts.shared.environments import ROOT

DOCS = ROOT / "docs" / "gate.md"


@pytest.fixture(scope="module")
def by_checkov(tmp_path_factory) -> list[str]:
    """What the pairs are about of which checkov finds more in the bad example than in the good one."""
    stacks = {f"{BAD}{at}": pair.bad for at, pair in enumerate(PAIRS)}
    stacks |= {f"{GOOD}{at}": pair.good for at, pair in enumerate(PAIRS)}
    path = write(tmp_path_factory.mktemp("pairs") / "plan.json", plan_of_all(stacks))
    failed: dict[str, set[tuple[str, str]]] = {key: set() for key in stacks}
    with CheckovScan(ROOT) as scan:
        scan.scan_plan(path)
        for pair in PAIRS:  # Our rules read while checkov does.
            found(pair, BAD, ours=False)
        for finding in scan.findings({}):
            address, _, key = finding.address.partition("__")
            failed[key].add((address, finding.got))
    return [pair.about for at, pair in enumerate(PAIRS) if failed[f"{BAD}{at}"] - failed[f"{GOOD}{at}"]]


def unfound(by_checkov: list[str]) -> Iterator[str]:
    """What the pairs are about of which nobody finds the bad example in somebody else's plan."""
    for pair in PAIRS:
        if not found(pair, BAD, ours=False) and pair.about not in by_checkov:
            yield pair.about


def test_what_nobody_finds_in_a_foreign_plan_has_a_reason(by_checkov):
    assert list(unfound(by_checkov)) == [pair.about for pair in PAIRS if pair.missed]


def test_the_page_has_the_counts(by_checkov):
    expected = table(by_checkov)
    assert expected in DOCS.read_text(), f"docs/gate.md should have\n{expected}"

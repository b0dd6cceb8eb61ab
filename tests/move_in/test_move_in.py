"""Another team's copy of the repository, with facts and flows of its own, is as green as ours.

`make move-in` runs everything in such a copy; here run the parts that take no minutes.
"""

from pathlib import Path

import pytest

from tests.move_in.moving import FLOWS, NAME, move_in, run


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The copy, and its environments."""
    folder = tmp_path_factory.mktemp("move-in")
    return folder, move_in(folder)


def test_it_shares_no_fact_with_the_original(copy):
    folder, environments = copy
    facts = {path: path.read_text() for path in (folder / "terraform" / "environments").glob("*.tfvars")}
    assert {path.stem for path in facts} == {"local", *environments}
    assert all(f'"{NAME}"' in text for text in facts.values())
    assert not (folder / "flows" / "examples").exists()
    assert any((folder / "flows" / f"{flow}.py").exists() for flow in FLOWS)


@pytest.mark.parametrize(
    "arguments",
    # A test that hangs is named by its own time limit, before this one's is over. One process: the others are busy.
    [
        ("lint",),
        ("test", "FAST=1", "ARGS=-n0 --timeout=1800"),
        ("test", "ARGS=-n0 tests/registration/test_your_flows.py"),
    ],
    ids=" ".join,
)
def test_its_checks_pass(copy, arguments):
    done = run(copy[0], "make", *arguments)
    assert done.returncode == 0, done.stdout[-5000:]


def test_each_of_its_environments_is_planned_and_passes_the_gate(copy):
    folder, environments = copy
    for environment in environments:
        done = run(folder, "make", "plan", f"ENV={environment}", "OFFLINE=1")
        assert done.returncode == 0, done.stdout[-5000:]
        assert "Gate passed" in done.stdout

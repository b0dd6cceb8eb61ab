"""What importing a flow file can see: a change of anything else is registered without importing it."""

import warnings

import pytest

from scripts.registration import seen
from scripts.registration.closure import Sources, digest_of

FLOW = """
import json
from prefect import flow, task
from flows.shared.noting import note

LIMIT = 3  # A module's own code runs.


def helper(x):
    return x + 1


@task(retries=2)
def work(x: int = LIMIT) -> int:
    '''What it does.

    Args:
        x: A number.
    '''
    # Say what.
    return helper(x)


@task
@note
def noted():
    return 1


@flow
async def go(day: str = "today") -> None:
    @task
    def inner():
        return 2

    work(1)
    return inner()


@flow
def wide(first: int = 1,
         second: int = 2): return first


deployments = [go.to_deployment("a", parameters={"day": "x"})]
"""
UNSEEN = {
    "return helper(x)": "x = 2  # And more.\n    return helper(x) * 2",
    "        return 2": "        x = 3\n        return x",
    "work(1)": "work(1)\n    work(2)",
}
SEEN = {
    "LIMIT = 3": "LIMIT = 4",
    "return x + 1": "return x + 2",
    "retries=2": "retries=3",
    "x: int = LIMIT": "x: int = 1",
    "A number.": "A whole number.",
    "return 1": "return 2",
    '"today"': '"yesterday"',
    "async def": "def",
    "second: int = 2": "second: int = 7",
    "return first": "return second",
    '"day": "x"': '"day": "y"',
    "@flow\nasync": "@note\nasync",
}
# Each makes that no body may be left out, since it might be another's or be run or read at import.
WHOLE = {
    "another task": ("from prefect import flow, task", "from prefect import flow\nfrom airflow import task"),
    "a later task": ("import json", "import json\nfrom flows.shared.noting import task"),
    "any name": ("import json", "from flows.shared.noting import *"),
    "an argument named so": ("def helper(x)", "def helper(task)"),
    "its own": ("LIMIT = 3", "task = 3"),
    "another name": ("from prefect import flow, task", "from prefect import flow\nfrom prefect import flow as task"),
}
INSIDE = {
    "a call past Prefect": "LIMIT = work.fn()",
    "what is wrapped": "LIMIT = helper.__wrapped__()",
    "its own source": "LIMIT = __file__",
    "Prefect's version of it": "LIMIT = wide.version",
    "its code": "import inspect",
}


def look(text):
    source = text.encode()
    return seen.seen_by_import(source, seen.parse(source))


def changed(old, new):
    assert old in FLOW
    return FLOW.replace(old, new)


@pytest.mark.parametrize("old", UNSEEN)
def test_what_only_a_run_executes_is_not_seen_by_an_import(old):
    assert look(changed(old, UNSEEN[old])) == look(FLOW)


@pytest.mark.parametrize("old", SEEN)
def test_whatever_importing_can_run_or_look_at_is_seen(old):
    assert look(changed(old, SEEN[old])) != look(FLOW)


@pytest.mark.parametrize("case", WHOLE)
def test_a_body_that_may_not_be_prefects_is_seen(case):
    text = changed(*WHOLE[case])
    assert look(text) != look(text.replace("return helper(x)", "return helper(2 * x)"))


@pytest.fixture
def imported(tmp_path):
    """`imported(text of the shared module)` is the digest of what importing a flow that uses it can see."""

    def digest(shared, flow="from flows.shared import used\n"):
        (tmp_path / "flows" / "shared").mkdir(parents=True, exist_ok=True)
        (tmp_path / "flows" / "a.py").write_text(flow)
        (tmp_path / "flows" / "shared" / "used.py").write_text(shared)
        sources = Sources(tmp_path)
        return digest_of(sources.as_imported(sources.closure("flows/a.py")))

    return digest


def test_a_body_that_the_flow_imports_is_not_seen_either(imported):
    assert imported(FLOW) == imported(changed("return helper(x)", "return helper(2 * x)"))
    assert imported(FLOW) != imported(changed("LIMIT = 3", "LIMIT = 4"))


@pytest.mark.parametrize("case", INSIDE)
def test_a_file_that_may_look_inside_functions_sees_all_that_it_imports(imported, case):
    flow = f"from flows.shared import used\n{INSIDE[case]}\n"
    assert imported(FLOW, flow) != imported(changed("return helper(x)", "return helper(2 * x)"), flow)


def test_a_file_that_lost_a_body_is_not_taken_for_the_one_that_had_it(imported):
    lost = "from prefect import flow\n@flow\ndef go():\n{}"
    good = imported(lost.format("    return 1\n"))
    assert good != imported(lost.format(""))
    assert good != imported(lost.format("#\n"))


@pytest.mark.parametrize("broken", ["LIMIT = (", "def y():\n    nonlocal z", "@flow\ndef y():\n    await 1"])
def test_a_file_that_python_does_not_take_is_seen_whole(imported, broken):
    assert imported(f"{FLOW}{broken} # 1\n") != imported(f"{FLOW}{broken} # 2\n")


def test_a_file_may_be_as_deep_as_python_takes(imported):
    deep = f"{FLOW}LIMIT = {'+'.join(['helper(1)'] * 1200)}\n"
    assert imported(deep) == imported(deep.replace("return helper(x)", "return helper(2 * x)"))


def test_looking_at_a_file_says_nothing():
    with warnings.catch_warnings(action="error"):
        assert look("x = 1\nx is 1\n")

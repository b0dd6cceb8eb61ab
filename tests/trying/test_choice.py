"""Which file FLOW means is told by names alone; what is wrong is told in a sentence."""

import sys

import pytest

from scripts.shared.refusal import Refusal
from scripts.trying import choice

ONE = """
from prefect import flow

@flow(name="daily-orders")
def orders(rows: int = 1) -> None:
    pass

deployments = [orders.to_deployment(name="daily"), orders.to_deployment(name="by_hand")]
"""


@pytest.fixture
def root(tmp_path):
    """A repository with two flow files, of which one cannot be imported."""
    (tmp_path / "flows" / "sales").mkdir(parents=True)
    (tmp_path / "flows" / "__init__.py").touch()
    (tmp_path / "flows" / "sales" / "one.py").write_text(ONE)
    (tmp_path / "flows" / "broken.py").write_text("import nonsense_of_a_test\n")
    return tmp_path


@pytest.mark.parametrize(
    "wanted", ["daily-orders", "daily_orders", "daily_orders/by_hand", "one", "flows/sales/one.py"]
)
def test_a_file_is_found_by_the_flow_its_own_name_or_its_path(root, wanted):
    assert str(choice.find_file(wanted, root)) == "flows/sales/one.py"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("dialy_orders", 'FLOW is "dialy_orders"; expected a flow below flows/, such as daily_orders.'),
        ("", 'FLOW is ""; expected a flow below flows/, such as broken, daily_orders, one.'),
        ("two.py", 'FLOW is "two.py"; expected a flow file, which two.py is not (docs/writing-flows.md).'),
    ],
)
def test_an_unknown_flow_is_answered_with_the_nearest_names(root, wanted, said):
    with pytest.raises(Refusal) as refused:
        choice.find_file(wanted, root)
    assert str(refused.value) == said


def test_a_name_in_two_files_is_answered_with_both(root):
    (root / "flows" / "two.py").write_text(ONE)
    with pytest.raises(Refusal, match=r"which is in flows/sales/one\.py, flows/two\.py; expected one of these files"):
        choice.find_file("daily_orders", root)


@pytest.fixture
def importable(root, monkeypatch):
    """The flows of the repository are those of `import flows`, as in a process of `make try`."""
    for name in [name for name in sys.modules if name == "flows" or name.startswith("flows.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(root))
    return root


def test_the_deployment_is_that_of_the_name(importable):
    file = choice.find_file("daily_orders", importable)
    flow, deployment = choice.load(file, "daily_orders/by-hand")
    assert (flow.name, deployment.name) == ("daily-orders", "by_hand")


@pytest.mark.parametrize("wanted", ["daily_orders", "flows/sales/one.py", "daily_orders/weekly"])
def test_which_of_several_deployments_is_asked(importable, wanted):
    with pytest.raises(Refusal) as refused:
        choice.load(choice.find_file(wanted, importable), wanted)
    there = "daily-orders/daily, daily-orders/by_hand (flows/sales/one.py)"
    assert str(refused.value) == f'FLOW is "{wanted}"; expected one of {there}.'


def test_a_file_that_does_not_import_is_told_with_the_reason(importable):
    with pytest.raises(Refusal) as refused:
        choice.load(choice.find_file("broken", importable), "broken")
    assert str(refused.value) == (
        "flows/broken.py: got ModuleNotFoundError: No module named 'nonsense_of_a_test' (flows/broken.py); expected a "
        "file that imports."
    )

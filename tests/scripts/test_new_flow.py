"""`make new-flow` writes a flow that passes everything as it is, and refuses a name without writing anything."""

import shutil
import subprocess
import sys

import pytest

from scripts import new_flow
from scripts.registration.flow_import import FlowImport
from scripts.shared import flow_template
from scripts.shared.environments import ROOT
from scripts.shared.flow_template import KINDS, PLAIN, write_flow
from scripts.shared.refusal import Refusal

OF_OTHERS = {
    "flows/orders/weekly.py": '@flow(name="weekly-report")\ndef weekly(): ...',
    "flows/prices.py": 'from prefect import flow as f, task\nimport prefect\nNAME = "price_list"\n\n\n'
    '@prefect.flow(name=NAME)\ndef prices(): ...\n\n\n@task(name="load_prices")\ndef load(): ...',
    "flows/broken.py": "def (",
    "tests/gate/test_record.py": "",
    "docs/flows/orders/monthly.md": "",
    "flows/shared/metrics.py": "",
}


@pytest.fixture
def root(tmp_path):
    """A repository of a few files."""
    for file, text in OF_OTHERS.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def everything(root):
    return {path: path.is_file() and path.read_text() for path in root.rglob("*")}


def test_what_is_written_passes_lint_its_test_and_registration(tmp_path):
    """Whatever the length of the name and the number of folders."""
    names = ["orders/daily_orders", "a_flow", "a/b/c/deep", f"orders/{'long_' * 12}"[:67]]
    kinds = {"orders/" * (length > 9) + f"{kind}_{'x' * length}"[:60]: kind for kind in KINDS for length in (1, 53)}
    owner = "a-team-with-a-rather-long-name"
    shutil.copytree(ROOT / "flows" / "shared", tmp_path / "flows" / "shared")
    (tmp_path / "flows" / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in [*names, *kinds]:
        _, _, page, *_ = write_flow(name, owner, tmp_path, kinds.get(name, PLAIN))
        assert (tmp_path / page).read_text().startswith(f"# {name.rpartition('/')[2]}\n")
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["pytest", "-n0"]):
        run = [sys.executable, "-m", *command]
        answer = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    # The retention's template has two tests.
    assert f"{len(names) + len(kinds) + 2} passed" in answer.stdout
    with FlowImport("local", tmp_path) as flow_import:
        loaded = flow_import.result()
    assert loaded.problems == []
    tags = {deployment["flow_name"]: deployment["tags"] for deployment in loaded.deployments}
    # What those read or reach is not there yet.
    waits = {name for name, kind in kinds.items() if kind in ("export", "http", "fetch", "retention")}
    expected = {name: [f"owner:{owner}", *([] if name in waits else ["run:up"])] for name in [*names, *kinds]}
    assert tags == {name.rpartition("/")[2]: of_it for name, of_it in expected.items()}


def test_an_sql_flow_has_its_files_beside_it(root):
    files = write_flow("orders/daily", "sales", root, "sql")
    assert [str(file) for file in files[3:]] == [
        "flows/orders/daily_sql/first.sql",
        "flows/orders/daily_sql/second.sql",
    ]


def test_a_kind_that_there_is_not_is_refused(root):
    before = everything(root)
    kinds = "load, export, sql, http, fetch, retention"
    with pytest.raises(Refusal, match=f'FROM is "spark"; expected one of {kinds}, or none'):
        write_flow("orders/daily", "sales", root, "spark")
    assert everything(root) == before


@pytest.mark.parametrize(
    "name",
    ["", "Orders/daily", "orders/", "/orders", "../daily", "orders//daily", "_orders/daily", "orders/_daily", "2nd",
     "daily-orders", "orders/daily.py", "import/daily", "orders/class", "x" * 61, "orders/täglich"],
)  # fmt: skip
def test_a_name_of_another_form_is_refused(root, name):
    refused(root, name, f'NAME is "{name}"; expected snake_case names with folders as you like, such as orders/daily_')


@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("orders/weekly", "flows/orders/weekly.py"),
        ("orders", "flows/orders"),
        ("prices/daily", "flows/prices.py"),
        ("prices/deep/daily", "flows/prices.py"),
        ("sales/weekly", "flows/orders/weekly.py"),
        ("sales/weekly_report", "flows/orders/weekly.py"),
        ("sales/price_list", "flows/prices.py"),
        ("sales/broken", "flows/broken.py"),
        ("sales/record", "tests/gate/test_record.py"),
        ("orders/monthly", "docs/flows/orders/monthly.md"),
    ],
)
def test_a_name_that_something_has_is_refused_with_what_has_it(root, name, holder):
    refused(root, name, f'NAME is "{name}"; expected a new name; this one is taken by {holder}.')


def test_a_name_below_shared_is_refused(root):
    refused(root, "shared/daily", 'NAME is "shared/daily"; expected another folder, because flows/shared/ belongs')


@pytest.mark.parametrize("name", ["load", "load_prices", "shared_orders"])
def test_a_name_that_only_a_task_has_is_free(root, name):
    assert write_flow(name, "sales", root)


def test_an_owner_that_is_no_tag_is_refused(root):
    refused(root, "orders/daily", 'OWNER is "a team"; expected a team, such as data-platform.', owner="a team")


def refused(root, name, message, owner="sales"):
    before = everything(root)
    with pytest.raises(Refusal) as refusal:
        write_flow(name, owner, root)
    assert str(refusal.value).startswith(message)
    assert everything(root) == before


def test_without_an_owner_the_environments_owner_is_taken(monkeypatch, capsys):
    written = []
    monkeypatch.setattr(flow_template, "write_flow", lambda *given, **_: written.append(given) or ["flows/daily.py"])
    monkeypatch.setattr(sys, "argv", ["new_flow", "orders/daily"])
    new_flow.main()
    [(name, owner)] = written
    assert name == "orders/daily"
    assert owner == new_flow.find_environment("local").facts["owner"]
    assert "make run FLOW=daily`" in capsys.readouterr().out

"""`make run` with what it cannot run: the list of what there is, or what PARAMS should be."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State

from scripts import run_flow
from scripts.shared import flow_runs, prefect_api
from scripts.shared.environments import Environment
from scripts.shared.flow_runs import find_deployment, parse_parameters
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
DEPLOYMENTS = ["daily_orders/hourly", "export-orders/daily", "export-orders/by_hand"]


class Registered:
    """A Prefect client that knows these deployments; ids are their names."""

    def __init__(self, *names):
        self.names = names

    async def read_flows(self, limit, offset):
        return [
            SimpleNamespace(id=flow, name=flow) for flow in sorted({name.partition("/")[0] for name in self.names})
        ][offset : offset + limit]

    async def read_deployments(self, limit, offset):
        return [
            SimpleNamespace(id=name, flow_id=name.partition("/")[0], name=name.partition("/")[2]) for name in self.names
        ][offset : offset + limit]


def find(wanted, *names):
    return asyncio.run(find_deployment(Registered(*names or DEPLOYMENTS), wanted))[0]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("daily_orders", "daily_orders/hourly"),
        ("daily-orders", "daily_orders/hourly"),
        ("daily-orders/hourly", "daily_orders/hourly"),
        ("export_orders/daily", "export-orders/daily"),
        ("export_orders/by-hand", "export-orders/by_hand"),
    ],
)
def test_a_flow_is_found_whether_written_with_underscores_or_hyphens(wanted, found):
    assert find(wanted) == found


@pytest.mark.parametrize("wanted", ["orders", "", "daily_orders/daily", "hourly"])
def test_an_unknown_flow_is_answered_with_the_list_of_flows(monkeypatch, wanted):
    monkeypatch.setattr(flow_runs, "flow_files", list)  # Whatever flows this repository has.
    with pytest.raises(Refusal) as refused:
        find(wanted)
    assert str(refused.value) == f'FLOW is "{wanted}"; expected one of {", ".join(sorted(DEPLOYMENTS))}.'
    assert refused.value.exit_code == 2


def test_a_deployment_is_found_among_more_than_the_api_gives_at_once():
    names = [f"flow_{number}/daily" for number in range(2 * prefect_api.PAGE + 1)]
    assert [find(name, *names) for name in (names[0], names[-1])] == [names[0], names[-1]]


def test_a_flow_that_is_in_a_file_and_not_registered_is_answered_with_the_file(monkeypatch):
    monkeypatch.setattr(flow_runs, "file_of", {"new-orders": "flows/new.py"}.get)
    with pytest.raises(Refusal) as refused:
        find("new_orders")
    assert str(refused.value) == (
        'FLOW is "new_orders", which flows/new.py holds; expected a registered flow: `make register` registers it, and '
        "`make try FLOW=new_orders` runs it as it is."
    )


def test_a_flow_with_several_deployments_is_answered_with_those():
    with pytest.raises(Refusal) as refused:
        find("export_orders")
    assert str(refused.value).endswith("expected one of export-orders/by_hand, export-orders/daily.")


def test_without_any_registered_flow_the_command_that_registers_is_named():
    client = Registered()
    with pytest.raises(Refusal, match="expected a registered flow; none: `make register` first"):
        asyncio.run(find_deployment(client, "x"))


def test_parameters_are_a_json_object():
    assert parse_parameters('{"max_rows": 2}') == {"max_rows": 2}


@pytest.mark.parametrize("text", ["", "{full: true}", "full=true", "[1]", "2", "null", '"full"'])
def test_parameters_that_are_no_json_object_are_refused_with_an_example(text):
    with pytest.raises(Refusal) as refused:
        parse_parameters(text)
    assert str(refused.value).startswith(f"PARAMS is {text!r}; expected a JSON object such as '{{\"max_rows\": 200}}'")


@pytest.mark.parametrize(("state", "code"), [("COMPLETED", 0), ("FAILED", 1), ("CRASHED", 1), ("CANCELLED", 1)])
def test_exit_code_and_last_line_say_how_the_run_ended_with_its_figures_or_the_reason(
    shell, monkeypatch, capsys, state, code
):
    given, addresses = [], []

    async def start(flow, parameters):
        given.append((flow, parameters))
        ended = {
            "state": State(type=state, message="Out of memory."),
            "state_name": state.title(),
            "total_run_time": timedelta(seconds=2),
        }
        run = FlowRun(flow_id=uuid4(), name="red-fox", **ended)
        addresses.append(f"Look at https://prefect.amber.example.com/runs/flow-run/{run.id}\n")
        return run, flow_runs.ending(run, "rows read 1,200, seconds 1.5", flow_runs.reason(run, "flows/x.py:7"))

    shell["PREFECT_API_URL"] = "https://prefect.amber.example.com/api"
    monkeypatch.setattr(flow_runs, "run_deployment", start)
    monkeypatch.setattr("sys.argv", ["run_flow", "load", "--env", "amber", "--params", '{"days": 2}'])
    assert run_flow.main() == code
    assert given == [("load", {"days": 2})]
    said = "rows read 1,200, seconds 1.5\n" if code == 0 else f"Out of memory. (flows/x.py:7)\n{addresses[0]}"
    assert capsys.readouterr().out == f"{state.title()} after 2.0 s: {said}"


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """The shell's variables, which `configure` writes to; the local stack's directory is empty."""
    shell = {"DATA_FLOWS_DIRECTORY": str(tmp_path), "PREFECT_API_KEY": "of the developer"}
    monkeypatch.setattr("os.environ", shell)
    return shell


def test_without_a_running_stack_make_up_is_named(shell, tmp_path):
    with pytest.raises(Refusal, match="The local stack is not running: run `make up` first"):
        prefect_api.configure(Environment("local", tmp_path))


def test_without_an_address_the_variable_is_named(shell, tmp_path):
    with pytest.raises(Refusal, match="PREFECT_API_URL is not set; expected the address of HarborFlows-Amber"):
        prefect_api.configure(Environment("amber", tmp_path))


def test_the_local_stack_is_reached_whatever_prefect_the_developer_uses_otherwise(shell, tmp_path):
    shell |= {"PREFECT_API_URL": "https://api.prefect.cloud/api", "PREFECT_HOME": "/home/somebody/.prefect"}
    (tmp_path / "prefect_auth").write_text("user:word\n")
    address = prefect_api.configure(Environment("local", tmp_path))
    assert address == shell["PREFECT_API_URL"]
    assert address.startswith("http://127.0.0.1:")
    assert shell["PREFECT_API_AUTH_STRING"] == "user:word"
    assert shell["PREFECT_HOME"].startswith(str(tmp_path))
    assert "PREFECT_API_KEY" not in shell


def test_elsewhere_the_callers_own_address_and_key_are_used(shell, tmp_path):
    shell["PREFECT_API_URL"] = "https://prefect.amber.example.com/api"
    assert prefect_api.configure(Environment("amber", tmp_path)) == "https://prefect.amber.example.com/api"
    assert shell["PREFECT_API_KEY"] == "of the developer"

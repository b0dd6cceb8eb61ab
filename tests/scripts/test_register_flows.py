"""The command of registration: only for the infrastructure and image that the gate passed, and told in a table."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from gate_records import COMMIT, DIGEST, FINDING, gate_record

from scripts import register_flows
from scripts.gate import applied_state
from scripts.gate.record import RecordRefused
from scripts.registration import command as registration
from scripts.registration.actions import Action
from scripts.registration.alerts import Alerts
from scripts.registration.channels import EVENTS_URL
from scripts.registration.command import as_json, check_gate, print_report
from scripts.registration.run import Report
from scripts.registration.stack import Stack
from scripts.shared import prefect_api
from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"findings": (FINDING,)}, r"the gate did not pass \(1 finding\)"),
        ({"image_digest": "sha256:" + "b" * 64}, "it is of image sha256:bbbbbbbbbbbb…, not sha256:aaaaaaaaaaaa…"),
        ({"environment": "prod"}, "it is of environment prod, not amber"),
        ({"rules": []}, "these checks did not run: alarms_act, "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_flows_are_not_registered_when_the_applied_record_does_not_fit(monkeypatch, tmp_path, changes, said):
    monkeypatch.setattr(applied_state, "read_record", lambda _: gate_record(**changes))
    with pytest.raises(RecordRefused, match=said):
        check_gate(Environment("amber", tmp_path), DIGEST)


def test_flows_of_the_image_that_the_gate_passed_are_registered(monkeypatch, tmp_path):
    monkeypatch.setattr(applied_state, "read_record", lambda _: gate_record())
    assert check_gate(Environment("amber", tmp_path), DIGEST).commit == COMMIT


ACTIONS = [
    Action("work pool DataFlows-Dev", "unchanged"),
    Action("a/x", "create", is_deployment=True),
    Action("b/x", "unchanged", is_deployment=True),
    Action("c/x", "update", "schedule, parameters.max_rows", is_deployment=True),
    Action("d/x", "prune", "no longer in code", is_deployment=True),
]


FACTS = {
    "environment": "dev",
    "title": "DataFlows-Dev",
    "schedules": "active",
    "result_block": "dataflows-dev-results",
    "region": "eu-west-1",
    "log_group": "/DataFlows/Dev/flow",
    "alerts": ["email", "pagerduty"],
}

DECLARED = {"orders/daily": {"definition": "flow-with-shop_token", "secrets": ["SHOP_TOKEN"], "permissions": []}}


@pytest.fixture
def command(monkeypatch):
    """`command(*arguments)` runs it; `.given` is what came to registering, `.refuses` a part that refuses."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["register_flows", "--env", "amber", "--image-digest", DIGEST, *arguments])
        register_flows.main()

    async def register(imported, stack, options):
        run.given = SimpleNamespace(imported=imported, stack=stack, options=options)
        return Report(ACTIONS, 5, 3, ["a note"])

    def outputs(_, *names):
        pool = {"name": "DataFlows-Dev", "base_job_template": {"x": 1}, "concurrency_limit": 20}
        held = {"work_pool": pool, "results_bucket": "bucket", "facts": FACTS, "flows": {"declared": DECLARED}}
        return [held[name] for name in names]

    run.given = None
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.amber.example.com/api")
    for name in ("PAGERDUTY_ROUTING_KEY", "PAGERDUTY_EVENTS_URL", "RUNBOOK_URL", "PREFECT_UI_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(applied_state, "read_record", lambda _: gate_record())
    monkeypatch.setattr(applied_state, "read_outputs", outputs)
    monkeypatch.setattr(prefect_api, "configure", lambda _: "")
    imported = SimpleNamespace(sound_result=lambda: "what the code says")
    monkeypatch.setattr(register_flows, "FlowImport", lambda _: nullcontext(imported))
    monkeypatch.setattr(registration, "run", register)
    return run


def test_it_registers_what_the_code_says_with_what_was_applied(command):
    command()
    assert command.given.imported == "what the code says"
    assert command.given.stack == Stack(
        title="DataFlows-Dev",
        pool="DataFlows-Dev",
        template={"x": 1},
        at_once=20,
        version=f"{'a' * 12} {COMMIT[:12]}",
        has_active_schedules=True,
        results_bucket="bucket",
        result_block="dataflows-dev-results",
        alerts=Alerts.of(FACTS),
        declared=DECLARED,
    )
    assert (command.given.options.dry_run, command.given.options.only) == (False, None)


def test_its_options_reach_registration(command):
    command("--dry-run", "--only", "a*", "--keep", "--full")
    options = command.given.options
    assert (options.dry_run, options.only, options.keep, options.full) == (True, "a*", True, True)


def test_nothing_is_registered_when_the_gate_refuses(command, monkeypatch):
    monkeypatch.setattr(applied_state, "read_record", lambda _: gate_record(findings=(FINDING,)))
    with pytest.raises(Refusal):
        command()
    assert command.given is None


def test_a_wrong_flow_file_is_told_before_the_gates_record_is_read(command, monkeypatch):
    def refuse():
        raise Refusal("flows/a.py:1: got x; expected y.", 1)

    read = []
    monkeypatch.setattr(applied_state, "read_record", read.append)
    imported = SimpleNamespace(sound_result=refuse)
    monkeypatch.setattr(register_flows, "FlowImport", lambda _: nullcontext(imported))
    with pytest.raises(Refusal, match=r"flows/a\.py:1: got x"):
        command()
    assert (command.given, read) == (None, [])


def test_the_table_says_what_and_why_and_the_last_line_counts(command, capsys):
    command()
    assert capsys.readouterr().out.splitlines() == [
        "create     a/x",
        "update     c/x                      schedule, parameters.max_rows",
        "prune      d/x                      no longer in code",
        "unchanged  work pool DataFlows-Dev",
        "unchanged  b/x",
        "",
        "a note",
        "requests: 5 reads, 3 writes",
        "3 deployments: 2 written, 1 unchanged, 1 pruned",
    ]


def test_requests_that_had_to_be_repeated_are_told(capsys):
    print_report(Report(ACTIONS, 5, 4, [], repeated=1), dry_run=False)
    assert "requests: 5 reads, 4 writes; 1 of them again, as Prefect was busy\n" in capsys.readouterr().out


def test_a_dry_run_says_that_nothing_was_done(capsys):
    print_report(Report(ACTIONS, 5, 0, []), dry_run=True)
    assert capsys.readouterr().out.splitlines()[-1] == "3 deployments: 2 to write, 1 unchanged, 1 to prune"


def test_many_unchanged_ones_are_counted_and_not_listed(capsys):
    actions = [Action(f"flow{number}/x", "unchanged", is_deployment=True) for number in range(1000)]
    print_report(Report(actions, 7, 0, []), dry_run=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 30
    assert "unchanged  and 980 more" in lines
    assert lines[-1] == "1000 deployments: 0 written, 1000 unchanged"


def test_as_json_it_is_one_object_and_nothing_else(command, capsys):
    command("--json", "--dry-run")
    report = json.loads(capsys.readouterr().out)
    assert report["requests"] == {"reads": 5, "writes": 3, "repeated": 0}
    assert (report["environment"], report["dry_run"], report["notes"]) == ("amber", True, ["a note"])
    assert {"what": "d/x", "action": "prune", "reason": "no longer in code", "is_deployment": True} in report["actions"]
    assert as_json(Report([], 0, 0, []), Environment("amber", None), dry_run=False).startswith("{")


@pytest.mark.usefixtures("command")
class TestAlerts:
    """What facts and the caller's variables say of alerts."""

    @pytest.fixture(autouse=True)
    def caller(self, monkeypatch):
        self.set = monkeypatch.setenv

    def test_without_a_key_there_is_no_channel_and_a_note(self):
        alerts = Alerts.of(FACTS)
        assert (alerts.named, alerts.channels, len(alerts.notes)) == (("email", "pagerduty"), (), 1)

    def test_a_page_without_a_runbook_is_refused(self):
        self.set("PAGERDUTY_ROUTING_KEY", "k" * 32)
        with pytest.raises(Refusal, match="RUNBOOK_URL is not set; expected the address"):
            Alerts.of(FACTS)

    @pytest.mark.parametrize(
        ("api", "pages"),
        [
            ("https://prefect.amber.example.com/api", "https://prefect.amber.example.com"),
            (
                "https://api.prefect.cloud/api/accounts/a/workspaces/w",
                "https://app.prefect.cloud/account/a/workspace/w",
            ),
        ],
    )
    def test_links_lead_to_the_pages_of_the_api_that_is_registered_with(self, api, pages):
        self.set("PAGERDUTY_ROUTING_KEY", "k" * 32)
        self.set("RUNBOOK_URL", "https://example.com/on-call.md")
        self.set("PREFECT_API_URL", api)
        alerts = Alerts.of(FACTS)
        assert (alerts.place.ui_url, alerts.channels[0].events_url) == (pages, EVENTS_URL)
        self.set("PREFECT_UI_URL", "https://elsewhere.example.com/")
        assert Alerts.of(FACTS).place.ui_url == "https://elsewhere.example.com"

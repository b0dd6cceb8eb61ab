import json
import random
import re
import subprocess
import sys

import pytest
from plan_builder import IMAGE, LOGS, VARIABLES, plan_data, resource, task_definition, write
from rich.console import Console

from scripts import check_plan
from scripts.gate import catalog, engine, record
from scripts.gate.reading.plan import Plan
from scripts.gate.rules import decided_values
from scripts.shared.environments import ROOT, Environment
from scripts.shared.refusal import Refusal

SOME = "image_by_digest,known_policies,narrow_pass_role,no_ingress,no_wildcard_writes,private_tasks,secrets_by_arn"
DIGEST = IMAGE.partition("@")[2]


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["check_plan", *map(str, arguments)])
    return check_plan.main()


@pytest.fixture
def without_inventory(monkeypatch):
    """A few resources are no environment: what all of one must be is tested on whole plans."""
    monkeypatch.setattr(decided_values, "check", lambda _: ())


@pytest.fixture
def good(tmp_path, without_inventory):
    return write(tmp_path / "plan.json", plan_data(task_definition(), LOGS))


@pytest.fixture
def bad(tmp_path):
    return write(tmp_path / "plan.json", plan_data(resource("module.a.aws_vpc_security_group_ingress_rule.b[0]")))


def test_every_rule_of_the_folder_is_found():
    rule = re.compile(r"^def check(_hcl)?\(", re.MULTILINE)
    written = {path.stem for path in (ROOT / "scripts/gate/rules").glob("*.py") if rule.search(path.read_text())}
    assert set(catalog.all_rules()) == written >= set(SOME.split(","))


def test_a_plan_without_findings_passes(monkeypatch, capsys, good):
    assert call(monkeypatch, good, "--rules", SOME) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["✓", name] for name in SOME.split(",")]
    assert lines[-1].startswith("Gate passed: 7 checks in ")


def test_a_finding_is_said_in_full_and_fails(monkeypatch, capsys, bad):
    assert call(monkeypatch, bad, "--rules", "no_ingress") == 1
    out = capsys.readouterr().out
    assert "✗ no_ingress" in out
    assert "    module.a.aws_vpc_security_group_ingress_rule.b[0]: got ingress None None-None" in out
    assert "Gate failed with 1 finding: 1 check in" in out


def test_a_rule_about_our_names_stands_aside_for_another_stack_and_says_so(monkeypatch, capsys, tmp_path):
    theirs = write(tmp_path / "plan.json", plan_data(resource("aws_sqs_queue.q", {"name": "theirs"}), variables={}))
    assert call(monkeypatch, theirs, "--rules", "own_names,no_ingress") == 0
    out = capsys.readouterr().out
    assert "- own_names" in out
    assert "skipped: the plan is not of this repository" in out
    assert "Gate passed: 1 check in" in out


def test_a_rule_about_hcl_stands_aside_without_any(monkeypatch, capsys, good):
    assert call(monkeypatch, good, "--rules", "plain_modules", "--no-hcl") == 0
    assert "- plain_modules          skipped: no HCL is given" in capsys.readouterr().out


def test_a_finding_says_where_its_block_is_in_the_hcl(monkeypatch, capsys, tmp_path):
    open_group = resource("module.network.aws_security_group.tasks", {"ingress": [{"protocol": "tcp"}]})
    data = plan_data(open_group)
    path = write(tmp_path / "plan.json", data)
    assert call(monkeypatch, path, "--rules", "no_ingress") == 1
    assert re.search(
        r"expected no ingress: tasks only call out \[modules/network/main\.tf:\d+\]", capsys.readouterr().out
    )


def test_a_rule_brings_those_it_needs(monkeypatch, capsys, good):
    """Where a document cannot be read, a rule about documents would pass without having looked."""
    assert call(monkeypatch, good, "--rules", "image_by_digest") == 0
    assert "✓ known_policies" in capsys.readouterr().out


def test_control_characters_of_a_hostile_plan_do_not_reach_the_terminal(monkeypatch, capsys, tmp_path):
    hostile = resource("aws_vpc_security_group_ingress_rule.b", {"cidr_ipv4": "\x1b[2J[red]"})
    assert call(monkeypatch, write(tmp_path / "p.json", plan_data(hostile)), "--rules", "no_ingress") == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "from ?[2J[red]" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rules", "no_such_rule"],
        ["--rules", ""],
        ["--environment", "violet", "--rules", "no_ingress"],
        ["--image-digest", "sha256:0", "--rules", "no_ingress"],
        ["--record", "gate.json", "--rules", "no_ingress"],
        ["--record", "gate.json", "--no-hcl"],
        ["--hcl", "no/such/folder"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_refused_with_exit_code_2(monkeypatch, tmp_path, arguments):
    path = write(tmp_path / "plan.json", plan_data(variables={"environment": "amber", "image_digest": DIGEST}))
    with pytest.raises(Refusal, match="expected") as refused:
        call(monkeypatch, path, *arguments)
    assert refused.value.exit_code == 2


def test_a_rule_that_cannot_read_the_plan_is_no_pass(monkeypatch, tmp_path):
    strange = resource("aws_ecs_service.a", {"network_configuration": 5})
    with pytest.raises(Refusal, match="private_tasks: cannot read this plan") as refused:
        call(monkeypatch, write(tmp_path / "plan.json", plan_data(strange)), "--rules", "private_tasks")
    assert refused.value.exit_code == 2


WRONG = (None, 5, True, "x", [], {}, [[]], [None], ["x"], {"references": 5}, {"a": {"b": [1]}})


def places(value, path=()):
    """Every place in JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def test_whatever_is_wrong_inside_a_plan_ends_in_findings_or_one_sentence(tmp_path):
    """Every place, each with something that may wrongly stand there; what is no Refusal would be a traceback."""
    modules = {"module.flow_task": {"subnets": ["module.network.ids"]}, "module.network": {}}
    good = plan_data(
        task_definition(),
        LOGS,
        resource("aws_ecs_service.a", {"network_configuration": [{"assign_public_ip": False, "subnets": ["s"]}]}),
        resource("aws_iam_role.a", {"assume_role_policy": "{}"}, unknown={"permissions_boundary": True}),
        resource("aws_route.a", unknown={"gateway_id": True}, references={"gateway_id": ["aws_x.y.id"]}),
        calls=modules,
        outputs={"module.network.ids": ["aws_subnet.a"]},
        output_changes={"work_pool": {"after": {"assignPublicIp": "DISABLED"}, "after_unknown": False}},
    )
    chance = random.Random(4)  # noqa: S311 - a sample, no secret.
    text, refusals = json.dumps(good), []
    for place in places(good):
        plan = json.loads(text)
        holder = plan
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = chance.choice(WRONG)
        path = write(tmp_path / "plan.json", plan)
        try:
            engine.run_gate(path, names=catalog.all_rules(), report=tmp_path / "r.html", console=Console(quiet=True))
        except Refusal as refusal:
            refusals.append(refusal)
    assert len(refusals) > 10
    assert {refusal.exit_code for refusal in refusals} == {2}
    assert not [refusal for refusal in refusals if "\n" in str(refusal)]


def test_a_missing_checkov_says_how_to_get_it(monkeypatch, good, tmp_path):
    monkeypatch.setenv("DATA_FLOWS_CHECKOV", str(tmp_path / "checkov"))
    with pytest.raises(Refusal, match="make setup") as refused:
        call(monkeypatch, good)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"x", b"{}"])
def test_the_command_ends_with_2_and_one_sentence(tmp_path, content):
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    command = [sys.executable, "-m", "scripts.check_plan", str(path), "--rules", "no_ingress"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert len(answer.stderr.splitlines()) == 1


def test_help_shows_an_example(monkeypatch, capsys):
    with pytest.raises(SystemExit, match="0"):
        call(monkeypatch, "--help")
    assert "python -m scripts.check_plan build/dev/plan.json" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["image_repository", "prefect_credential"])
def test_a_plan_without_a_variable_that_the_tables_of_roles_use_is_refused(name):
    variables = {each: value for each, value in VARIABLES.items() if each != name}
    with pytest.raises(Refusal, match=f"the plan: got no variable {name}; expected a plan of this repository"):
        catalog.run_rule("permission_tables", Plan(plan_data(variables=variables)))


def test_list_says_what_holds(monkeypatch, capsys):
    assert call(monkeypatch, "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == catalog.check_names()
    assert all(line.endswith(".") for line in lines)


@pytest.fixture
def _without_checkov(monkeypatch, tmp_path):
    """Everything of the gate but the process that costs seconds, and the tables of roles that a small plan has not."""
    monkeypatch.setattr("scripts.gate.permissions.tables.TABLES", tmp_path / "no-tables")

    class Scan:
        seconds = 0.0

        def __init__(self, *_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def scan_plan(self, _):
            return self

        def findings(self, _):
            return []

    monkeypatch.setattr(engine, "CheckovScan", Scan)


@pytest.mark.usefixtures("_without_checkov")
def test_the_gate_of_a_folder_writes_a_record_that_its_plan_fits(good, tmp_path):
    (tmp_path / "plan.tfplan").write_bytes(b"plan")
    assert engine.gate_folder(tmp_path, environment="amber", image_digest=DIGEST) == 0
    made = record.read(tmp_path / "gate.json")
    record.verify(
        made.model_copy(update={"tree_clean": True}),
        plan=tmp_path / "plan.tfplan",
        plan_json=good,
        environment="amber",
        image_digest=DIGEST,
        checks=catalog.check_names(),
    )
    assert made.account_id == "123456789012"
    assert made.versions.terraform == "1.11.4"
    assert made.versions.checkov[0].isdigit()
    assert "<h1>" in (tmp_path / "report.html").read_text()


@pytest.mark.usefixtures("without_inventory")
@pytest.mark.usefixtures("_without_checkov")
def test_an_offline_plan_stays_one_however_it_is_checked_again(tmp_path):
    """Otherwise `make check` without OFFLINE=1 would make a record that can be applied."""
    data = plan_data()
    nobody = {"constant_value": "offline"}
    expressions = {"access_key": nobody, "secret_key": nobody, "skip_requesting_account_id": {"constant_value": True}}
    provider = {"full_name": "registry.terraform.io/hashicorp/aws", "expressions": expressions}
    data["configuration"]["provider_config"] = {"aws": provider}
    write(tmp_path / "plan.json", data)
    (tmp_path / "plan.tfplan").write_bytes(b"plan")
    assert engine.gate_folder(tmp_path, environment="amber") == 0
    assert record.read(tmp_path / "gate.json").offline


@pytest.mark.usefixtures("without_inventory")
@pytest.mark.usefixtures("_without_checkov")
def test_the_plan_of_an_environment_is_checked_again_by_its_name(monkeypatch, tmp_path):
    write(tmp_path / "plan.json", plan_data())
    (tmp_path / "plan.tfplan").write_bytes(b"plan")
    monkeypatch.setattr(check_plan, "find_environment", lambda name: Environment(name, tmp_path))
    assert call(monkeypatch, "--env", "amber") == 0
    assert not record.read(tmp_path / "gate.json").offline


@pytest.mark.usefixtures("_without_checkov")
def test_a_gate_that_cannot_look_leaves_no_older_record(tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "gate.json").write_text(json.dumps({"passed": True}))
    with pytest.raises(Refusal):
        engine.gate_folder(tmp_path, environment="amber", image_digest=DIGEST)
    assert not (tmp_path / "gate.json").exists()


@pytest.fixture
def proven(_without_checkov, tmp_path):
    """A folder with the record of a plan that has a finding, and `prove` for another record of it."""
    data = plan_data(task_definition(), LOGS, resource("aws_vpc_security_group_ingress_rule.b"))
    path = write(tmp_path / "plan.json", data)
    (tmp_path / "plan.tfplan").write_bytes(b"plan")
    engine.gate_folder(tmp_path, environment="amber", image_digest=DIGEST)

    def prove(change):
        edited = json.loads((tmp_path / "gate.json").read_text())
        change(edited)
        given = record.parse(json.dumps(edited).encode(), "gate.json")
        engine.recheck(given, tmp_path / "plan.tfplan", path, None)

    return prove


def passed(edited):
    """As somebody would edit it: without its findings it holds together."""
    edited["passed"] = True
    for rule in edited["rules"]:
        rule |= {"passed": True, "findings": []}


def test_a_record_that_was_not_edited_is_proven(proven):
    proven(lambda _: None)
    proven(lambda edited: edited.update(started_at="2020-01-01T00:00:00Z"))


@pytest.mark.usefixtures("without_inventory")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (passed, "passed is True, not False; the result of no_ingress"),
        (lambda edited: edited["rules"].pop(0), "the result of alarms_act"),
        (lambda edited: edited["rules"][0].update(skipped="no time"), "the result of alarms_act"),
        (lambda edited: edited.update(account_id="999999999999"), "account_id is 999999999999, not 123456789012"),
        (lambda edited: edited.update(plan_json_sha256="0" * 64), "plan_json_sha256 is 000000000000…, not "),
        (lambda edited: edited["versions"].update(rules="sha256:0"), "versions is "),
        (lambda edited: edited.update(offline=True), "offline is True, not False"),
    ],
    ids=["findings taken out", "a rule taken out", "a rule skipped", "account", "plan JSON", "rules", "offline"],
)
def test_an_edited_record_is_refused_with_what_it_says_otherwise(proven, change, said):
    with pytest.raises(record.RecordRefused, match=re.escape(said)) as refused:
        proven(change)
    assert "The record was edited, or made by other rules" in str(refused.value)
    assert refused.value.exit_code == 1


def test_a_record_for_another_image_than_the_plans_is_refused(proven):
    with pytest.raises(Refusal, match=r"image_digest = sha256:a+; expected sha256:b+"):
        proven(lambda edited: edited.update(image_digest="sha256:" + "b" * 64))


@pytest.mark.usefixtures("_without_checkov")
def test_the_report_escapes_what_the_plan_says(tmp_path):
    hostile = resource("aws_vpc_security_group_ingress_rule.b", {"cidr_ipv4": "<script>alert(1)</script>"})
    path = write(tmp_path / "plan.json", plan_data(hostile))
    engine.run_gate(path, report=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text().replace("<wbr>", "")
    assert "<script" not in page
    assert "from &lt;script&gt;" in page
    assert "aws_vpc_security_group_ingress_rule.b" in page


@pytest.mark.usefixtures("without_inventory")
@pytest.mark.usefixtures("_without_checkov")
def test_the_report_counts_changes_and_names_changed_attributes_but_no_value(tmp_path):
    changes = [
        resource("module.a.aws_x.same", {"n": 1}, before={"n": 1}, actions=("no-op",)),
        resource("module.a.aws_x.new", {"n": 1}),
        resource("aws_x.gone", before={"n": 1}, actions=("delete",)),
        resource("aws_x.other", {"n": "hush"}, before={"n": "x"}, actions=("delete", "create")),
        resource(
            "aws_x.more", {"n": "hush", "m": 1}, before={"n": "x", "m": 1}, unknown={"o": True}, actions=("update",)
        ),
    ]
    engine.run_gate(write(tmp_path / "plan.json", plan_data(*changes)), report=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for what in ("created", "destroyed", "replaced", "changed"):
        assert f"<b>1</b>{what}" in page
    assert "n, o" in page
    assert "hush" not in page
    assert "aws_x.same" not in page
    assert "http" not in page.replace("http-equiv", "")

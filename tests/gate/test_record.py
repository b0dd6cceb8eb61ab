import json
from datetime import UTC, datetime

import pytest

from scripts.gate.reading.plan import Finding
from scripts.gate.record import GateRecord, RecordRefused, RuleResult, Versions, read, sha256, verify

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
COMMIT = "1" * 40


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.tfplan"
    path.write_bytes(b"the plan")
    return path


def make(plan, *, findings=(), **changes):
    rules = [RuleResult.from_findings("no_ingress", findings, 0.1), RuleResult.from_findings("checkov", [], 2)]
    facts = {
        "passed": not findings,
        "environment": "amber",
        "account_id": "123456789012",
        "image_digest": DIGEST,
        "offline": False,
        "commit": COMMIT,
        "tree_clean": True,
        "plan_sha256": sha256(plan),
        "plan_json_sha256": "0" * 64,
        "versions": Versions(terraform="1.11.4", aws_provider="5.100.0", checkov="3.3.30", rules="sha256:0"),
        "started_at": datetime.now(UTC),
        "finished_at": datetime.now(UTC),
        "rules": rules,
    }
    return GateRecord(**facts | changes)


def test_a_record_that_fits_is_accepted(plan):
    verify(
        make(plan),
        plan=plan,
        environment="amber",
        image_digest=DIGEST,
        commit=COMMIT,
        checks=["no_ingress", "checkov"],
    )


def test_a_record_is_read_as_it_was_written_and_nothing_lies_beside_it(plan, tmp_path):
    record = make(plan, findings=[Finding("aws_a.b", "1", "2")])
    record.write(tmp_path / "out" / "gate.json")
    assert read(tmp_path / "out" / "gate.json") == record
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["gate.json"]


@pytest.mark.parametrize(
    ("changes", "asked", "said"),
    [
        ({"findings": [Finding("aws_a.b", "1", "2")]}, {}, r"the gate did not pass \(1 finding\)"),
        ({"plan_sha256": "c" * 64}, {}, "it is of plan cccccccccccc…, not "),
        ({}, {"environment": "violet"}, "it is of environment amber, not violet"),
        ({}, {"image_digest": OTHER}, "it is of image sha256:aaaaaaaaaaaa…, not sha256:bbbbbbbbbbbb…"),
        ({}, {"commit": "2" * 40}, "it is of commit 111111111111…, not 222222222222…"),
        ({"tree_clean": False}, {}, "working tree with uncommitted changes"),
        ({"offline": True}, {}, "offline plan"),
        ({}, {"checks": ["no_ingress", "checkov", "private_tasks"]}, "these checks did not run: private_tasks"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_with_what_does_not(plan, changes, asked, said):
    with pytest.raises(RecordRefused, match=said) as refused:
        verify(make(plan, **changes), plan=plan, **asked)
    assert refused.value.exit_code == 1


def test_everything_that_does_not_fit_is_said_at_once(plan):
    with pytest.raises(RecordRefused, match=r"environment amber, not violet; it is of image .*, not ") as refused:
        verify(make(plan), environment="violet", image_digest=OTHER)
    assert str(refused.value).count("The gate record does not fit") == 1


def test_a_plan_changed_after_the_gate_is_refused(plan):
    record = make(plan)
    plan.write_bytes(b"another plan")
    with pytest.raises(RecordRefused, match="it is of plan"):
        verify(record, plan=plan)


def test_a_dirty_tree_and_a_later_commit_are_fine_for_local_only(plan):
    verify(make(plan, environment="local", tree_clean=False), plan=plan, environment="local", commit="2" * 40)


def test_a_missing_plan_is_refused(plan):
    with pytest.raises(RecordRefused, match="cannot be read"):
        verify(make(plan), plan=plan.with_name("gone"))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda data: data["rules"][0].update(passed=True), "no_ingress says passed = True with 1 findings"),
        (lambda data: data["rules"][0].update(findings=[]), "no_ingress says passed = False with 0 findings"),
        (lambda data: data.update(passed=True), "its rules say otherwise"),
        (lambda data: data.update(format=2), "format"),
        (lambda data: data.update(extra=1), "extra"),
        (lambda data: data.pop("commit"), "commit"),
    ],
)
def test_an_edited_record_does_not_hold_together(plan, tmp_path, edit, said):
    data = json.loads(make(plan, findings=[Finding("aws_a.b", "1", "2")]).model_dump_json())
    edit(data)
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(data))
    with pytest.raises(RecordRefused, match=said):
        read(path)


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_what_is_no_record_is_refused(tmp_path, content):
    path = tmp_path / "gate.json"
    path.write_text(content)
    with pytest.raises(RecordRefused, match="got an invalid record"):
        read(path)


def test_a_missing_record_is_refused_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(RecordRefused, match="make plan"):
        read(tmp_path / "gate.json")


def test_a_skipped_check_is_missing(plan):
    skipped = make(
        plan, rules=[RuleResult.skip("no_ingress", "no HCL is given"), RuleResult.from_findings("checkov", [], 2)]
    )
    with pytest.raises(RecordRefused, match="these checks did not run: no_ingress"):
        verify(skipped, plan=plan, checks=["no_ingress", "checkov"])

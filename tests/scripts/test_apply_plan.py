"""Only exactly the plan that the gate passed is applied, and its record is then kept beside the state."""

import contextlib
import sys

import pytest
from gate_records import COMMIT, FINDING, gate_record

from scripts import apply_plan
from scripts.delivery import applying
from scripts.gate import applied_state, engine
from scripts.gate.record import RecordRefused
from scripts.shared import git_tree, terraform
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The build directory of amber with a plan in it."""
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(git_tree, "source", lambda: {"commit": COMMIT, "tree_clean": True})
    (tmp_path / "amber").mkdir()
    (tmp_path / "amber" / "plan.tfplan").write_bytes(b"the plan")
    return tmp_path / "amber"


@pytest.fixture
def done(monkeypatch):
    """What was done to the world, in order."""
    done = []
    monkeypatch.setattr(terraform, "check_version", lambda: None)
    monkeypatch.setattr(terraform, "show", lambda tfplan, to, *_: to.write_bytes(tfplan.read_bytes()))
    monkeypatch.setattr(applying, "CheckovScan", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(applying.catalog, "warm_up", lambda: None)
    monkeypatch.setattr(engine, "recheck", lambda *_: None)
    monkeypatch.setattr(terraform, "run", lambda arguments, *_: done.append((arguments[0], arguments[-1])))
    monkeypatch.setattr(applied_state, "is_applied", lambda *_: False)
    monkeypatch.setattr(terraform, "init", lambda *arguments: done.append(("init", arguments[-1].name)))
    monkeypatch.setattr(terraform, "outputs", lambda *_: {"image": "…"})
    monkeypatch.setattr(applied_state, "save", lambda _, *saved: done.append(("save", *saved)))
    return done


def apply(monkeypatch, environment="amber"):
    monkeypatch.setattr(sys, "argv", ["apply_plan", environment])
    apply_plan.main()


def test_the_plan_of_a_record_that_fits_is_applied_and_then_its_record_and_outputs_are_stored(
    folder, done, monkeypatch
):
    record = gate_record(plan=folder / "plan.tfplan")
    record.write(folder / "gate.json")
    apply(monkeypatch)
    assert done == [
        ("init", "amber.s3.tfbackend"),
        ("apply", str(folder / "plan.tfplan")),
        ("save", record, {"image": "…"}),
    ]


def test_applied_again_it_does_nothing(folder, done, monkeypatch, capsys):
    gate_record(environment="amber", plan=folder / "plan.tfplan").write(folder / "gate.json")
    monkeypatch.setattr(applied_state, "is_applied", lambda *_: True)
    apply(monkeypatch)
    assert done == []
    assert "already applied" in capsys.readouterr().out


def test_terraform_runs_in_the_configuration_with_the_data_of_the_environment(folder, done, monkeypatch):
    gate_record(plan=folder / "plan.tfplan").write(folder / "gate.json")
    seen = []
    monkeypatch.setattr(terraform, "run", lambda _, root, shell: seen.append((root, shell["TF_DATA_DIR"])))
    apply(monkeypatch)
    assert seen == [(ROOT / "terraform", str(folder / "terraform-data"))]


def test_a_plan_without_a_record_is_not_applied(folder, done, monkeypatch):
    with pytest.raises(RecordRefused, match=r"gate\.json: no gate record .*run `make plan`"):
        apply(monkeypatch)
    assert done == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"findings": (FINDING,)}, r"the gate did not pass \(1 finding\)"),
        ({"environment": "violet"}, "it is of environment violet, not amber"),
        ({"commit": "2" * 40}, "it is of commit 222222222222…, not 111111111111…"),
        ({"tree_clean": False}, "working tree with uncommitted changes"),
        ({"offline": True}, "an offline plan"),
        ({"rules": []}, "these checks did not run: alarms_act, "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_plan_whose_record_does_not_fit_is_not_applied(folder, done, monkeypatch, changes, said):
    gate_record(plan=folder / "plan.tfplan", **changes).write(folder / "gate.json")
    with pytest.raises(RecordRefused, match=said) as refused:
        apply(monkeypatch)
    assert refused.value.exit_code == 1
    assert done == []


def test_another_plan_than_the_gate_saw_is_not_applied(folder, done, monkeypatch):
    gate_record(plan=folder / "plan.tfplan").write(folder / "gate.json")
    (folder / "plan.tfplan").write_bytes(b"another plan")
    with pytest.raises(RecordRefused, match="it is of plan "):
        apply(monkeypatch)
    assert done == []


def test_what_is_proven_is_what_terraform_shows_of_the_plan_and_not_what_lies_beside_it(folder, done, monkeypatch):
    record = gate_record(plan=folder / "plan.tfplan")
    record.write(folder / "gate.json")
    (folder / "plan.json").write_text("a nicer plan")
    seen = []

    def refuse(recorded, tfplan, shown, _):
        seen.append((recorded, tfplan, shown.read_text()))
        raise RecordRefused("it was edited")

    monkeypatch.setattr(engine, "recheck", refuse)
    with pytest.raises(RecordRefused, match="it was edited"):
        apply(monkeypatch)
    assert seen == [(record, folder / "plan.tfplan", "the plan")]
    assert "apply" not in dict(done)


def test_a_failed_apply_stores_no_record(folder, done, monkeypatch):
    """Registration then goes on refusing until an apply succeeds."""
    gate_record(plan=folder / "plan.tfplan").write(folder / "gate.json")

    def fail(arguments, root, shell):
        raise Refusal("terraform apply ended with 1", 1)

    monkeypatch.setattr(terraform, "run", fail)
    with pytest.raises(Refusal, match="ended with 1"):
        apply(monkeypatch)
    assert done == [("init", "amber.s3.tfbackend")]

"""A plan names the image it is for, and an offline one can neither reach an account nor leave anything behind."""

import json
import shutil
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from plan_builder import plan_data, resource

from scripts import plan_environment
from scripts.delivery import planning
from scripts.gate import engine
from scripts.gate.reading.plan import Plan
from scripts.shared import environments, offline_root, terraform
from scripts.shared.environments import ROOT, Environment, find_environment
from scripts.shared.image_digest import WORKING_TREE, image_digest
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
DIGEST = "sha256:" + "a" * 64


class Scan:
    """In place of checkov, which takes seconds to load."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def planned(monkeypatch, tmp_path):
    """(environment, digest, offline) of every plan made; nothing else happens."""
    planned = []
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path / "local"))
    monkeypatch.setattr(planning, "CheckovScan", Scan)
    monkeypatch.setattr(plan_environment, "FlowImport", lambda _: nullcontext(SimpleNamespace(sound_result=list)))
    monkeypatch.setattr(Environment, "require_account", lambda _: "")
    monkeypatch.setattr(planning.catalog, "warm_up", lambda: None)
    monkeypatch.setattr(planning.base_plan, "comparing", lambda *_: nullcontext())
    monkeypatch.setattr(engine, "gate_folder", lambda _, **__: 1 if planned[-1][1] == "bad" else 0)

    def plan(environment, digest, *, offline):
        planned.append((environment.name, digest, offline))

    monkeypatch.setattr(planning, "plan", plan)
    return planned


def main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["plan_environment", *arguments])
    return plan_environment.main()


@pytest.mark.parametrize("name", ["amber", "violet"])
def test_a_plan_to_be_applied_needs_the_digest_of_a_pushed_image(planned, monkeypatch, name):
    with pytest.raises(Refusal) as refused:
        main(monkeypatch, name)
    assert str(refused.value) == (
        f"IMAGE_DIGEST is not set; expected the digest of the pushed image: make plan ENV={name} "
        "IMAGE_DIGEST=sha256:…, or OFFLINE=1 for a plan that is never applied."
    )
    assert refused.value.exit_code == 2
    assert planned == []


def test_a_given_digest_is_planned(planned, monkeypatch):
    assert main(monkeypatch, "amber", "--image-digest", DIGEST) == 0
    assert planned == [("amber", DIGEST, False)]


def test_an_offline_plan_takes_the_digest_of_the_sources(planned, monkeypatch):
    assert main(monkeypatch, "violet", "--offline") == 0
    assert planned == [("violet", image_digest(), True)]


def test_a_local_plan_names_the_working_tree_and_puts_it_where_tasks_run_it(planned, monkeypatch, tmp_path):
    monkeypatch.setattr(plan_environment, "require_running", lambda _: None)
    assert main(monkeypatch, "local") == 0
    assert planned == [("local", WORKING_TREE, False)]
    assert (tmp_path / "local" / "images" / WORKING_TREE.removeprefix("sha256:") / "flows").samefile(ROOT / "flows")


def test_a_local_plan_without_a_running_stack_is_refused_at_once(planned, monkeypatch, tmp_path):
    with pytest.raises(
        Refusal, match="Not running: aws, dbt, prefect, snowflake; expected the whole local stack: run `make up` first"
    ):
        main(monkeypatch, "local")
    assert planned == []


def broken(_):
    """In place of an import that finds something wrong."""

    def refuse():
        raise Refusal("flows/a.py:1: got x; expected y.", 1)

    return nullcontext(SimpleNamespace(sound_result=refuse))


def test_nothing_is_planned_while_something_is_wrong_with_the_flow_files(planned, monkeypatch):
    monkeypatch.setattr(plan_environment, "FlowImport", broken)
    with pytest.raises(Refusal, match=r"flows/a\.py:1: got x"):
        main(monkeypatch, "amber", "--image-digest", DIGEST)
    assert planned == []


def test_make_up_has_checked_the_flow_files_already(planned, monkeypatch):
    monkeypatch.setattr(plan_environment, "FlowImport", broken)
    assert main(monkeypatch, "amber", "--offline", "--flows-checked") == 0
    assert len(planned) == 1


@pytest.mark.parametrize(("changed", "ends"), [("aws_ecs_service.agent", 0), ("aws_iam_role.flow", 1)])
def test_a_pipelines_plan_that_is_more_than_a_release_is_refused_and_leaves_no_record(
    planned, monkeypatch, tmp_path, changed, ends
):
    folder = tmp_path / "amber"
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps(plan_data(resource(f"module.a.{changed}", actions=("update",)))))
    (folder / "gate.json").write_text("of an earlier plan")
    if not ends:
        assert main(monkeypatch, "amber", "--image-digest", DIGEST, "--pipeline") == 0
        return
    with pytest.raises(
        Refusal, match=r"aws_iam_role\.flow: got update; expected no such change in a release"
    ) as refused:
        main(monkeypatch, "amber", "--image-digest", DIGEST, "--pipeline")
    assert refused.value.exit_code == ends
    assert not (folder / "gate.json").exists()


def test_a_plan_to_be_applied_is_compared_with_what_is_applied_and_says_where_flows_are(planned, monkeypatch):
    given = []
    monkeypatch.setattr(engine, "gate_folder", lambda _, **options: given.append(options["compare"]) or 0)
    assert main(monkeypatch, "amber", "--image-digest", DIGEST) == 0
    compared = given[0](Plan(plan_data(resource("aws_x.y", {"a": 2}, before={"a": 1}, actions=("update",)))))
    assert compared.base == "what is applied"
    assert [str(line) for line in compared.security] == ["aws_x.y: other changes: a"]
    said = "To compare the flows with those that are registered: make register ENV=amber DRY_RUN=1."
    assert compared.flows_problem == said


def test_the_verdict_of_the_gate_is_the_exit_code(planned, monkeypatch):
    assert main(monkeypatch, "amber", "--image-digest", "bad") == 1


def test_only_an_offline_plan_takes_a_base_and_only_one_that_there_is(planned, monkeypatch):
    with pytest.raises(Refusal, match=r"BASE is main; expected it with OFFLINE=1 only") as refused:
        main(monkeypatch, "amber", "--image-digest", DIGEST, "--base", "main")
    assert refused.value.exit_code == 2
    monkeypatch.setattr(
        planning.git_tree, "_git", lambda *arguments: "c0ffee" if "HEAD^{commit}" in arguments else None
    )
    with pytest.raises(Refusal, match=r"BASE is mian; expected a commit or branch of this repository"):
        main(monkeypatch, "amber", "--offline", "--base", "mian")
    assert planned == []


def test_an_unknown_environment_is_refused_before_anything_else(planned, monkeypatch):
    with pytest.raises(Refusal, match="expected one of amber, local, violet"):
        main(monkeypatch, "staging", "--offline")
    assert planned == []


def test_an_offline_plan_works_in_a_fresh_copy_without_the_state_backend(tmp_path):
    (tmp_path / "modules" / "gone").mkdir(parents=True)
    root = offline_root.offline_root(tmp_path)
    assert not (tmp_path / "modules" / "gone").exists()
    assert {path.name for path in root.iterdir()} - {path.name for path in (ROOT / "terraform").iterdir()} == {
        "offline_override.tf"
    }
    assert (tmp_path / "modules" / "network" / "main.tf").is_file()


@pytest.mark.parametrize("offline", [True, False])
def test_only_a_plan_to_be_applied_reads_the_state_backend(monkeypatch, tmp_path, offline):
    seen = {}
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(terraform, "check_version", lambda: None)
    monkeypatch.setattr(terraform, "init", lambda root, _, backend: seen.update(root=root, backend=backend))
    monkeypatch.setattr(terraform, "run", lambda arguments, *_, good: seen.update(arguments=arguments, good=good))
    monkeypatch.setattr(terraform, "show", lambda tfplan, to, *_: seen.update(show=(tfplan, to)))
    environment = find_environment("amber")
    planning.plan(environment, DIGEST, offline=offline)
    assert seen["backend"] == (None if offline else environment.backend_file)
    assert seen["root"] == (tmp_path / "amber" / "offline" / "terraform" if offline else ROOT / "terraform")
    assert {f"-var=image_digest={DIGEST}", f"-out={tmp_path}/amber/plan.tfplan"} <= set(seen["arguments"])
    assert f"-var-file={environment.tfvars}" in seen["arguments"]
    assert seen["good"] == (0, 2)
    assert seen["show"] == (tmp_path / "amber" / "plan.tfplan", tmp_path / "amber" / "plan.json")


def test_a_local_plan_knows_the_ports_of_the_stack(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("DATA_FLOWS_SNOWFLAKE_PORT", "14567")
    monkeypatch.setenv("DATA_FLOWS_PREFECT_PORT", "14200")
    facts, _, addresses = planning.variable_files(find_environment("local"))
    assert facts.name == "local.tfvars"
    variables = json.loads(addresses.read_text())
    assert variables["prefect_api_url"] == "http://127.0.0.1:14200/api"
    assert variables["flow_environment"]["SNOWFLAKE_PORT"] == "14567"


def test_the_local_agent_is_started_again_when_its_own_code_changed_and_has_what_the_facts_say(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path))
    local = find_environment("local")
    agents = []
    for digest in ("sha256:a", "sha256:b"):
        monkeypatch.setattr(planning, "image_digest", lambda *_, folders, digest=digest: f"{digest} of {folders}")
        agents.append(json.loads(planning.variable_files(local)[2].read_text())["agent_environment"])
    changed = {name for name in agents[0] if agents[0][name] != agents[1][name]}
    assert [agents[0][name] for name in changed] == ["sha256:a of ['scripts']"]
    assert local.facts["agent_environment"].items() <= agents[0].items()


def test_an_offline_copy_is_initialised_again_only_when_its_providers_or_modules_change(monkeypatch, tmp_path):
    root, data = tmp_path / "terraform", tmp_path / "data"
    root.mkdir()
    data.mkdir()
    (root / ".terraform.lock.hcl").write_text("lock")
    (root / "main.tf").write_text('module "a" {\n  source = "../modules/a"\n  size = 1\n}\n')
    done = []
    monkeypatch.setattr(terraform, "init", lambda *_: done.append("init"))

    def initialise():
        done.clear()
        offline_root.init_once(root, {"TF_DATA_DIR": str(data)})
        return bool(done)

    assert initialise()
    assert not initialise()
    (root / "main.tf").write_text('module "a" {\n  source = "../modules/a"\n  size = 2\n}\n')
    assert not initialise()
    (root / "main.tf").write_text('module "a" {\n  source = "../modules/b"\n}\n')
    assert initialise()
    (root / ".terraform.lock.hcl").write_text("another")
    assert initialise()


def test_facts_that_do_not_fit_are_refused_before_terraform_starts(planned, monkeypatch, tmp_path):
    shutil.copytree(environments.FACTS, tmp_path / "facts")
    monkeypatch.setattr(environments, "FACTS", tmp_path / "facts")
    facts = tmp_path / "facts" / "amber.tfvars"
    facts.write_text(facts.read_text().replace("approval ", "aproval "))
    with pytest.raises(Refusal, match=r"amber\.tfvars:\d+: got unknown key delivery\.aproval; .* mean approval\?"):
        main(monkeypatch, "amber", "--offline")
    assert planned == []

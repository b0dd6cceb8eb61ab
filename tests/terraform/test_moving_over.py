"""An environment that was applied before flows had rights of their own moves over: what runs start from stays."""

import json
import subprocess

import pytest

from scripts.shared import terraform
from scripts.shared.environments import Environment
from scripts.shared.offline_root import init_once, offline_root

# Until then there was one task definition of flows, and one role; both had these addresses.
DEFINITION = ("module.flow_task", "aws_ecs_task_definition", "flow", None)
ROLE = ("module.iam", "aws_iam_role", "task", "flow")
NEW_DEFINITION = 'module.flow_task.aws_ecs_task_definition.flow["flow"]'
ROLE_ADDRESS = 'module.iam.aws_iam_role.task["flow"]'


def instance(place, attributes):
    """A resource as a state file holds it."""
    module, type_, name, key = place
    index = {} if key is None else {"index_key": key}
    return {
        "module": module,
        "mode": "managed",
        "type": type_,
        "name": name,
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": [index | {"schema_version": 1 if type_.startswith("aws_ecs") else 0, "attributes": attributes}],
    }


@pytest.fixture(scope="module")
def changes(offline_plan, tmp_path_factory):
    """The plan of amber, by address, where definition and role are applied as they were."""
    folder, plan = tmp_path_factory.mktemp("moving"), offline_plan("amber")
    planned = json.loads((plan / "plan.json").read_text())
    values = {each["address"]: each["change"]["after"] for each in planned["resource_changes"]}
    arn = "arn:aws:ecs:eu-central-1:515151515151:task-definition/HarborFlows-Amber-flow:7"
    of_definition = values[NEW_DEFINITION] | {"arn": arn, "id": "HarborFlows-Amber-flow", "revision": 7}
    role = values[ROLE_ADDRESS] | {
        "id": "HarborFlows-Amber-flow",
        "arn": "arn:aws:iam::515151515151:role/HarborFlows-Amber-flow",
    }
    # Every run had every secret.
    (container,) = json.loads(of_definition["container_definitions"])
    place = container["secrets"][0]["valueFrom"].rpartition("/")[0]
    container["secrets"] += [{"name": "DBT_CLOUD_TOKEN", "valueFrom": f"{place}/DBT_CLOUD_TOKEN"}]
    of_definition["container_definitions"] = json.dumps([container])
    resources = [instance(DEFINITION, of_definition), instance(ROLE, role)]
    state = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "moving", "outputs": {}}
    root = offline_root(folder)
    (root / "terraform.tfstate").write_text(json.dumps(state | {"resources": resources, "check_results": None}))
    amber = Environment("amber", folder / "build")
    env = terraform.environment_variables(amber, folder)
    init_once(root, env)
    files = [offline_plan.root / "terraform" / "environments" / "amber.tfvars", plan / "flows.tfvars.json"]
    given = [f"-var-file={file}" for file in files]
    digest = f"-var=image_digest={planned['variables']['image_digest']['value']}"
    terraform.run(["plan", "-refresh=false", "-input=false", "-out=moved", *given, digest], root, env)
    shown = subprocess.run(["terraform", "show", "-json", "moved"], cwd=root, env=env, capture_output=True, check=True)
    return {each["address"]: each for each in json.loads(shown.stdout)["resource_changes"]}


def test_the_task_definition_is_moved_and_its_revision_stays_startable(changes):
    moved = changes[NEW_DEFINITION]
    assert moved["previous_address"] == "module.flow_task.aws_ecs_task_definition.flow"
    # Replaced, as at each release; a replaced revision is not deregistered.
    assert moved["change"]["actions"] == ["delete", "create"]
    assert moved["change"]["before"]["skip_destroy"] is True


def test_the_role_of_old_revisions_stays_and_nothing_else_goes(changes):
    role = changes[ROLE_ADDRESS]["change"]
    assert role["before"]["name"] == role["after"]["name"]
    goes = {address for address, each in changes.items() if "delete" in each["change"]["actions"]}
    assert goes == {NEW_DEFINITION}


def test_what_old_revisions_receive_may_still_be_read(changes):
    before = json.loads(changes[NEW_DEFINITION]["change"]["before"]["container_definitions"])[0]["secrets"]
    policy = json.loads(changes['module.iam.aws_iam_role_policy.task["execution"]']["change"]["after"]["policy"])
    [readable] = [each["Resource"] for each in policy["Statement"] if each["Sid"] == "ReadSecrets"]
    assert {each["valueFrom"] for each in before} <= set(readable)
    assert len(before) > 1

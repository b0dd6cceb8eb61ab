"""A try gets what its task definition says, and of the developer's shell only what a terminal and an editor need."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from scripts.gate import applied_state
from scripts.shared.refusal import Refusal
from scripts.trying import variables

ARN = "arn:aws:ecs:eu-west-1:111122223333:task-definition/HarborFlows-Amber-flow:7"
TEMPLATE = {"job_configuration": {"task_definitions": {"flow": "common", "flow-with-shop_token": ARN}}}
FLOWS = {"declared": {"sale": {"definition": "flow-with-shop_token", "secrets": ["SHOP_TOKEN"], "permissions": []}}}
FILE = Path("flows/sale.py")
POOL = {"name": "HarborFlows-Amber", "base_job_template": TEMPLATE, "time_limit_minutes": 90}
CONTAINER = {
    "memory": 2048,
    "environment": [{"name": "RESULTS_BUCKET", "value": "bucket"}],
    "secrets": [{"name": f"SECRET_{number}", "valueFrom": f"arn:parameter/{number}"} for number in range(12)],
}
SHELL = {"PATH": "/bin", "TERM": "xterm", "PREFECT_API_URL": "mine", "AWS_PROFILE": "mine", "HTTPS_PROXY": "proxy"}


class Aws:
    """ECS and SSM; SSM takes ten names at once, lacks some, and may refuse."""

    def __init__(self, *, missing=(), refuses=False):
        self.missing, self.refuses = missing, refuses

    def describe_task_definition(self, taskDefinition):  # noqa: N803 - boto3's word.
        assert taskDefinition == ARN
        return {"taskDefinition": {"memory": "4096", "containerDefinitions": [CONTAINER]}}

    def get_parameters(self, Names, WithDecryption):  # noqa: N803 - boto3's words.
        assert len(Names) <= 10
        assert WithDecryption
        if self.refuses:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameters")
        found = [{"ARN": name, "Name": name, "Value": f"of {name}"} for name in Names if name not in self.missing]
        return {"Parameters": found, "InvalidParameters": [name for name in Names if name in self.missing]}


def environment(aws, *, is_local=False):
    return SimpleNamespace(
        title="HarborFlows-Amber", name="amber", directory=Path("build"), is_local=is_local, client=lambda _: aws,
        environment_variables=lambda: SHELL | {"NO_PROXY": "127.0.0.1"},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def applied(monkeypatch):
    """What is applied."""
    pool = dict(POOL)
    monkeypatch.setattr(applied_state, "read_outputs", lambda *_: [pool, FLOWS])
    return pool


@pytest.fixture
def root(tmp_path):
    """A repository whose one flow declares what is applied."""
    (tmp_path / "flows").mkdir()
    (tmp_path / FILE).write_text('secrets = ["SHOP_TOKEN"]\n')
    return tmp_path


def test_variables_secrets_memory_and_time_limit_are_those_of_its_definition(root):
    read = variables.read(environment(Aws()), FILE, root)
    secrets = {f"SECRET_{number}": f"of arn:parameter/{number}" for number in range(12)}
    assert read.variables == {"RESULTS_BUCKET": "bucket", **secrets}
    assert (read.memory_mib, read.time_limit.total_seconds(), read.pool) == (2048, 5400, "HarborFlows-Amber")


@pytest.mark.parametrize(
    ("aws", "said"),
    [
        (Aws(missing=["arn:parameter/3"]), "SSM has not all .*-flow:7: invalid parameters: arn:parameter/3."),
        (Aws(refuses=True), "The task definition or its secrets may not be read: .*AccessDeniedException"),
    ],
)
def test_secrets_that_cannot_be_read_are_told_in_a_sentence(aws, said, root):
    with pytest.raises(Refusal, match=said):
        variables.read(environment(aws), FILE, root)


def test_what_an_older_apply_left_is_to_be_applied_again(applied, root):
    del applied["time_limit_minutes"]
    with pytest.raises(Refusal, match="HarborFlows-Amber says no time limit of runs: plan and apply again"):
        variables.read(environment(Aws()), FILE, root)


@pytest.mark.parametrize("source", ['secrets = ["SHOP_TOKEN", "OTHER_TOKEN"]', "secrets = []"])
@pytest.mark.parametrize(
    ("is_local", "remedy"), [(True, "`make up`"), (False, "`make plan ENV=amber` and `make apply ENV=amber`")]
)
def test_secrets_of_the_working_tree_that_are_not_applied_are_refused(source, is_local, remedy, root):
    (root / FILE).write_text(source)
    with pytest.raises(Refusal) as refused:
        variables.read(environment(Aws(), is_local=is_local), FILE, root)
    assert str(refused.value) == (
        "flows/sale.py: got `secrets` that are not applied to HarborFlows-Amber; expected what its runs get: "
        f"{remedy} first."
    )


def test_a_try_has_the_callers_rights_whatever_the_file_declares(root):
    right = 'permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::new/*"]}]'
    (root / FILE).write_text(f'secrets = ["SHOP_TOKEN"]\n{right}\n')
    assert variables.read(environment(Aws()), FILE, root).pool == "HarborFlows-Amber"


@pytest.mark.parametrize(("is_local", "proxy"), [(True, None), (False, "proxy")])
def test_of_the_shell_only_terminal_python_and_the_way_to_aws_are_kept(is_local, proxy):
    combined = variables.combine(environment(Aws(), is_local=is_local), {"RESULTS_BUCKET": "bucket"}, SHELL)
    assert (combined["PATH"], combined["TERM"], combined["RESULTS_BUCKET"]) == ("/bin", "xterm", "bucket")
    assert "PREFECT_API_URL" not in combined
    assert combined.get("HTTPS_PROXY") == proxy
    assert combined["PREFECT_HOME"] == "build/prefect-client"

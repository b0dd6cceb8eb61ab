"""Environments like that of tests/fixtures under other names, in a repository of their own, applied by tftest."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tftest
from embedded_aws import EmbeddedAws
from fixture_repository import FIXTURES, facts
from patience import PATIENCE_SECONDS

from scripts.gate.permissions import flow_definitions, flow_permissions
from scripts.shared import facts_file, terraform
from scripts.shared.environments import BUILD_VARIABLE
from scripts.shared.names import Names

AMBER = facts("amber")
REGION = AMBER["region"]
ACCOUNT = "444455556666"
# The stacks that the account is shared by, and the environments of each. The bootstrap is named after the first.
STACKS = {AMBER["name"]: "blue", "Payments": "green"}
STACK_OF = {environment: stack for stack, environment in STACKS.items()}
# Nobody pushed it: the agent's tasks end as those of a missing image do, and the circuit breaker ends them for good.
DIGEST = f"sha256:{'b1' * 32}"
# Everything in it is made again, and the embedded AWS does not throttle.
OVERRIDES = "\nprotect_data = false\naws_max_retries = 3\n"


@dataclass(frozen=True)
class Repository:
    """A copy of what is planned and of the commands, a git repository of its own, for which `aws` is the cloud."""

    root: Path
    aws: EmbeddedAws

    def add_environment(self, name: str, account: str = ACCOUNT) -> "Deployment":
        """The two files that are an environment, out of amber's."""
        stack = STACK_OF.get(name, AMBER["name"])
        text = (FIXTURES / "environments" / "amber.tfvars").read_text() + OVERRIDES
        for old, new in ((AMBER["account_id"], account), ('"amber"', f'"{name}"'), (AMBER["name"], stack)):
            text = text.replace(old, new)
        own = {"name": stack, "environment": name, "account_id": account, "bootstrap": AMBER["name"]}
        if stack != AMBER["name"]:
            text += f'bootstrap = "{own["bootstrap"]}"\n'
        deployment = Deployment(self, name, account, Names(stack, name))
        deployment.tfvars.write_text(text)
        backend = [f"{key} = {json.dumps(value)}\n" for key, value in facts_file.backend_of(AMBER | own).items()]
        deployment.tfvars.with_suffix(".s3.tfbackend").write_text("".join(backend))
        return deployment

    def make_state_bucket(self, bucket: str) -> None:
        """What the bootstrap does for an account."""
        self.aws["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.aws["s3"].put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def prepare_account(self) -> str:
        """Apply the bootstrap, which lists both stacks; returns what Terraform said."""
        file = self.root / "terraform" / "bootstrap" / "accounts" / "shared.tfvars"
        text = (FIXTURES / "accounts" / "amber.tfvars").read_text().replace(AMBER["account_id"], ACCOUNT)
        lists = ", ".join(f'{stack} = ["{environment}"]' for stack, environment in STACKS.items())
        file.write_text(text.replace(f'{AMBER["name"]} = ["amber"]', lists))
        test = tftest.TerraformTest(str(file.parents[1]), enable_cache=False)
        test.env = self.shell
        mirror = terraform.find_mirror()
        test.setup(**({"plugin_dir": str(mirror)} if mirror else {}), cleanup_on_exit=False)
        return test.apply(tf_var_file=str(file), parallelism="20")

    @property
    def shell(self) -> dict[str, str]:
        """The shell of a person who has credentials for the account."""
        return self.aws.settings.aws_environment(self.aws.region) | {BUILD_VARIABLE: str(self.root.parent / "build")}

    def start(self, command: str, *arguments: str, role_arn: str = "") -> subprocess.Popen[str]:
        """One of the Makefile's commands, such as `plan_environment`, begun; as an administrator or under a role."""
        shell = self.shell | self.credentials(role_arn)
        return subprocess.Popen(
            [sys.executable, "-m", f"scripts.{command}", *arguments],
            cwd=self.root, env=shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def credentials(self, role_arn: str) -> dict[str, str]:
        """Environment variables of somebody who has taken the role; none for no role."""
        if not role_arn:
            return {}
        taken = self.aws["sts"].assume_role(RoleArn=role_arn, RoleSessionName="stage")["Credentials"]
        names = {
            "ACCESS_KEY_ID": "AccessKeyId",
            "SECRET_ACCESS_KEY": "SecretAccessKey",
            "SESSION_TOKEN": "SessionToken",
        }
        return {f"AWS_{name}": taken[key] for name, key in names.items()}

    def run(self, command: str, *arguments: str, role_arn: str = "") -> subprocess.CompletedProcess[str]:
        """One of the Makefile's commands, to its end."""
        process = self.start(command, *arguments, role_arn=role_arn)
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)


@dataclass(frozen=True)
class Deployment:
    """One environment of the copy: Terraform on it, and what it is called in AWS."""

    repository: Repository
    name: str
    account: str
    names: Names

    @property
    def title(self) -> str:
        """What names in AWS begin with."""
        return self.names.title

    @property
    def path(self) -> str:
        """What log groups and parameters begin with."""
        return self.names.path

    @property
    def state_key(self) -> str:
        """Where in its bucket the state lies."""
        return f"{self.names.service}/terraform.tfstate"

    def bucket(self, purpose: str) -> str:
        """Name of the bucket for `results`, `access-logs`, `artifacts` or the `state`."""
        return f"{self.names.bucket_prefix}-{purpose}-{self.account}"

    @property
    def folder(self) -> Path:
        """Where `make plan` writes to."""
        return self.repository.root.parent / "build" / self.name

    @property
    def tfvars(self) -> Path:
        return self.repository.root / "terraform" / "environments" / f"{self.name}.tfvars"

    def arn(self, service: str, resource: str, region: str = REGION) -> str:
        """ARN of a resource in this account."""
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"

    def role_arn(self, role: str) -> str:
        """ARN of one of its roles, such as `plan`."""
        return self.arn("iam", f"role/{self.title}-{role}", region="")

    def __getitem__(self, service: str) -> Any:
        """A boto3 client."""
        return self.repository.aws[service]

    @cached_property
    def service(self) -> dict[str, Any]:
        """DescribeServices of the agent."""
        cluster = self["ecs"].describe_services(cluster=self.title, services=[f"{self.title}-agent"])
        (service,) = cluster["services"]
        return service

    @cached_property
    def key_arn(self) -> str:
        """The key that encrypts this environment's data."""
        return self["kms"].describe_key(KeyId=f"alias/{self.title}")["KeyMetadata"]["Arn"]

    @cached_property
    def shell(self) -> dict[str, str]:
        """Environment variables of its Terraform."""
        own = {"TF_DATA_DIR": str(self.folder / "terraform-data"), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        return {name: value for name, value in (self.repository.shell | own).items() if name != "TF_CLI_CONFIG_FILE"}

    @cached_property
    def terraform(self) -> tftest.TerraformTest:
        """tftest on the copy's root module, initialised for this environment."""
        test = tftest.TerraformTest(str(self.repository.root / "terraform"), enable_cache=False)
        test.env = self.shell  # And nothing of the caller's own.
        mirror = terraform.find_mirror()
        backend = str(self.tfvars.with_suffix(".s3.tfbackend"))
        test.setup(**({"plugin_dir": str(mirror)} if mirror else {}), init_vars=backend, cleanup_on_exit=False)
        return test

    @cached_property
    def variable_files(self) -> list[str]:
        """The facts, and what the copy's flow files declare, as `make plan` passes it."""
        own, root = facts_file.read_environment(self.tfvars), self.repository.root
        declared = {
            "flow_permissions": flow_permissions.declared(root),
            "flow_definitions": flow_definitions.definitions(self.title, own, root),
        }
        file = root.parent / f"{self.name}.flows.tfvars.json"  # Not in the copy, which is clean.
        file.write_text(json.dumps(declared))
        return [str(self.tfvars), str(file)]

    def _facts(self) -> dict[str, Any]:
        return {"tf_var_file": self.variable_files, "tf_vars": {"image_digest": DIGEST}}

    def _files(self) -> list[str]:
        return [f"-var-file={file}" for file in self.variable_files]

    def apply(self) -> str:
        """`terraform apply`; TerraformTestError says what Terraform said."""
        return self.terraform.apply(**self._facts(), parallelism="20")

    def destroy(self) -> str:
        """`terraform destroy`."""
        return self.terraform.destroy(**self._facts(), parallelism="20")

    def changes(self, **variables: Any) -> dict[str, str]:
        """What a plan with other values of variables would do, action by address."""
        values = [f"-var={name}={value}" for name, value in ({"image_digest": DIGEST} | variables).items()]
        said = self.terraform.execute_command("plan", "-json", "-refresh=false", *self._files(), *values)
        messages = [json.loads(line) for line in said.out.splitlines()]
        changes = [each["change"] for each in messages if each["type"] == "planned_change"]
        return {change["resource"]["addr"]: change["action"] for change in changes}

    def second_plan(self) -> tuple[int, str]:
        """Exit code (0 nothing to do, 2 changes) and output of a plan."""
        answer = self.terraform.execute_command(
            "plan", "-detailed-exitcode", "-no-color", *self._files(), f"-var=image_digest={DIGEST}"
        )
        return answer.retcode, answer.out

    def state_versions(self) -> list[dict[str, Any]]:
        """Every version of the state that was ever written, oldest first."""
        s3, key = self["s3"], self.state_key
        found = s3.list_object_versions(Bucket=self.bucket("state"), Prefix=key)["Versions"]
        own = [version for version in found if version["Key"] == key]
        return [
            json.loads(s3.get_object(Bucket=self.bucket("state"), Key=key, VersionId=each["VersionId"])["Body"].read())
            for each in sorted(own, key=lambda each: each["LastModified"])
        ]

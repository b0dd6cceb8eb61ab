"""An environment with dev's configuration and another name, in a copy of this repository, applied by tftest."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tftest
from embedded_aws import REGION, EmbeddedAws
from patience import PATIENCE_SECONDS

from scripts.shared import terraform
from scripts.shared.environments import BUILD_VARIABLE, ROOT

DEVS_ACCOUNT = "111111111111"
ACCOUNT = "444455556666"
# Nobody pushed it: the agent's tasks end as those of a missing image do, and the circuit breaker ends them for good.
DIGEST = f"sha256:{'b1' * 32}"
# Everything in it is made again, and the embedded AWS does not throttle.
OVERRIDES = "\nprotect_data = false\naws_max_retries = 3\n"
GIT = ("git", "-c", "user.name=tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Repository:
    """A copy of what is planned and of the commands, a git repository of its own, for which `aws` is the cloud."""

    root: Path
    aws: EmbeddedAws

    def fill(self) -> None:
        """Copy what is here now, committed or not."""
        for folder in ("terraform", "modules", "scripts"):
            shutil.copytree(
                ROOT / folder, self.root / folder, ignore=shutil.ignore_patterns(".terraform", "__pycache__")
            )
        for file in (".terraform-version", ".gitignore"):
            shutil.copy(ROOT / file, self.root)
        (self.root / ".venv-checkov").symlink_to(ROOT / ".venv-checkov")
        subprocess.run([*GIT, "init", "-q"], cwd=self.root, check=True)

    def commit(self) -> None:
        """Commit everything: only what a commit holds is applied."""
        subprocess.run([*GIT, "add", "-A"], cwd=self.root, check=True)
        subprocess.run([*GIT, "commit", "-q", "-m", "Facts"], cwd=self.root, check=True)

    def add_environment(self, name: str, account: str = ACCOUNT) -> "Deployment":
        """The two files that are an environment, out of dev's, and the bucket for its state."""
        facts = self.root / "terraform" / "environments"
        for suffix, end in ((".tfvars", OVERRIDES), (".s3.tfbackend", "")):
            text = (facts / f"dev{suffix}").read_text().replace(DEVS_ACCOUNT, account)
            text = text.replace('"dev"', f'"{name}"').replace("dataflows-dev-", f"dataflows-{name}-")
            (facts / f"{name}{suffix}").write_text(text + end)
        deployment = Deployment(self, name, account)
        place = {"LocationConstraint": REGION}
        self.aws["s3"].create_bucket(Bucket=deployment.bucket("state"), CreateBucketConfiguration=place)
        versioned = {"Status": "Enabled"}
        self.aws["s3"].put_bucket_versioning(Bucket=deployment.bucket("state"), VersioningConfiguration=versioned)
        return deployment

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

    @property
    def title(self) -> str:
        """What names in AWS begin with."""
        return f"DataFlows-{self.name.title()}"

    @property
    def path(self) -> str:
        """What log groups and parameters begin with."""
        return f"/DataFlows/{self.name.title()}"

    def bucket(self, purpose: str) -> str:
        """Name of the bucket for `results`, `access-logs`, `artifacts` or the `state`."""
        return f"dataflows-{self.name}-{purpose}-{self.account}"

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

    def _facts(self) -> dict[str, Any]:
        return {"tf_var_file": str(self.tfvars), "tf_vars": {"image_digest": DIGEST}}

    def apply(self) -> str:
        """`terraform apply`; TerraformTestError says what Terraform said."""
        return self.terraform.apply(**self._facts(), parallelism="20")

    def destroy(self) -> str:
        """`terraform destroy`."""
        return self.terraform.destroy(**self._facts(), parallelism="20")

    def changes(self, **variables: Any) -> dict[str, str]:
        """What a plan with other values of variables would do, action by address."""
        values = [f"-var={name}={value}" for name, value in ({"image_digest": DIGEST} | variables).items()]
        said = self.terraform.execute_command("plan", "-json", "-refresh=false", f"-var-file={self.tfvars}", *values)
        messages = [json.loads(line) for line in said.out.splitlines()]
        changes = [each["change"] for each in messages if each["type"] == "planned_change"]
        return {change["resource"]["addr"]: change["action"] for change in changes}

    def second_plan(self) -> tuple[int, str]:
        """Exit code (0 nothing to do, 2 changes) and output of a plan."""
        answer = self.terraform.execute_command(
            "plan", "-detailed-exitcode", "-no-color", f"-var-file={self.tfvars}", f"-var=image_digest={DIGEST}"
        )
        return answer.retcode, answer.out

    def state_versions(self) -> list[dict[str, Any]]:
        """Every version of the state that was ever written, oldest first."""
        s3, key = self["s3"], "data-flows/terraform.tfstate"
        found = s3.list_object_versions(Bucket=self.bucket("state"), Prefix=key)["Versions"]
        own = [version for version in found if version["Key"] == key]
        return [
            json.loads(s3.get_object(Bucket=self.bucket("state"), Key=key, VersionId=each["VersionId"])["Body"].read())
            for each in sorted(own, key=lambda each: each["LastModified"])
        ]

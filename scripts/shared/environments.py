"""The environments: their names, their files, and the variables, credentials and clients that commands need."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.shared.names import Names
from scripts.shared.refusal import Refusal

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT / "terraform" / "environments"
BUILD_VARIABLE = "DATA_FLOWS_BUILD_DIRECTORY"
# s3://<bucket>/<key of the state>, for where the files of the environments are not: inside the image.
STATE_VARIABLE = "DATA_FLOWS_STATE"
LOCAL = "local"  # The environment of the embedded AWS of `make up`.


@dataclass(frozen=True)
class Environment:
    """One environment by name, such as `dev`. `directory` is where its plans, records and logs are written."""

    name: str
    directory: Path

    @property
    def is_local(self) -> bool:
        """Whether this is the embedded AWS of `make up`."""
        return self.name == LOCAL

    @cached_property
    def names(self) -> Names:
        """The names of what is this environment's, in AWS and Prefect."""
        return Names(str(self.facts["name"]), self.name)

    @property
    def title(self) -> str:
        """Name of the environment in AWS and Prefect, such as `DataFlows-Dev`."""
        return self.names.title

    @property
    def tfvars(self) -> Path:
        """File of this environment's facts."""
        return FACTS / f"{self.name}.tfvars"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Values of this environment's facts, such as `account_id`.

        Raises:
            Refusal: with everything in the file that does not fit what Terraform declares.
        """
        from scripts.shared.facts_file import read_environment  # The image holds neither the file nor what reads it.

        return read_environment(self.tfvars)

    @property
    def warehouse_place(self) -> dict[str, str]:
        """Database, schema, warehouse and role of the facts."""
        return {name: self.facts["snowflake"][name] for name in ("database", "schema", "warehouse", "role")}

    @property
    def registry(self) -> str:
        """Host of the account's image registry."""
        return f"{self.facts['account_id']}.dkr.ecr.{self.facts['region']}.amazonaws.com"

    @property
    def backend_file(self) -> Path:
        """File that says where this environment's Terraform state is."""
        return FACTS / f"{self.name}.s3.tfbackend"

    @cached_property
    def backend(self) -> dict[str, str | bool]:
        """Settings of the state backend: bucket, key, region, …

        Raises:
            Refusal: the variable that names the state instead is no S3 address.
        """
        if state := os.environ.get(STATE_VARIABLE):
            match = re.fullmatch(r"s3://([a-z0-9.-]+)/(\S+)", state)
            if not match:
                raise Refusal(f'{STATE_VARIABLE} is "{state}"; expected s3://<bucket>/<key of the Terraform state>.')
            return {"bucket": match[1], "key": match[2], "region": os.environ.get("AWS_REGION", "")}
        from scripts.shared.hcl_file import read

        return read(self.backend_file).plain()

    def environment_variables(self) -> dict[str, str]:
        """For Terraform and boto3: the caller's own, or the embedded AWS's for `local`."""
        if not self.is_local:
            return dict(os.environ)
        from scripts.shared.local_settings import LocalSettings  # Only `local` has a local stack.

        return LocalSettings.load().aws_environment(str(self.backend["region"]))

    def require_account(self) -> str:
        """Refuse credentials of another account than the facts name. Terraform would too, but name only one of them.

        Returns:
            The caller's ARN; nothing for `local`.

        Raises:
            Refusal: with both accounts, or with what AWS says of credentials that it does not accept.
        """
        if self.is_local:
            return ""
        expected = self.facts["account_id"]
        from botocore import exceptions

        try:
            caller = self.client("sts").get_caller_identity()
        except (exceptions.ConnectionError, exceptions.HTTPClientError):
            raise
        except (exceptions.ClientError, exceptions.BotoCoreError) as error:  # The latter of an expired sign-on.
            raise Refusal(
                f"AWS does not accept the credentials: {str(error).rstrip('.')}; expected valid ones of account "
                f"{expected}: sign in again, or set AWS_PROFILE."
            ) from None
        if caller["Account"] != expected:
            raise Refusal(
                f"Got AWS credentials of account {caller['Account']}; expected account {expected} "
                f"({self.tfvars.name}): use credentials of that account."
            )
        return str(caller["Arn"])

    def client(self, service: str) -> Any:
        """A boto3 client: with the caller's credentials, or for `local` with the embedded AWS's and nothing else."""
        if service not in self._clients:  # Making one takes longer than most calls.
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def _new_client(self, service: str) -> Any:
        region = str(self.backend["region"])
        if not self.is_local:
            import boto3

            return boto3.client(service, region_name=region or None)
        from scripts.shared import embedded_clients
        from scripts.shared.local_settings import LocalSettings

        return embedded_clients.client(LocalSettings.load().aws_endpoint_url, service, region)


def find_environment(name: str) -> Environment:
    """The environment of that name.

    Raises:
        Refusal: there is none; the message lists those there are.
    """
    names = sorted(path.stem for path in FACTS.glob("*.tfvars"))
    if name not in names and STATE_VARIABLE not in os.environ:
        raise Refusal(f'ENV is "{name}"; expected one of {", ".join(names)} (a file in terraform/environments/).')
    if name == LOCAL:
        from scripts.shared.local_settings import LocalSettings

        return Environment(name, LocalSettings.load().directory)
    return Environment(name, ROOT / os.environ.get(BUILD_VARIABLE, "build") / name)

"""Reads and writes an environment's parameters in SSM. To tell what is there, no value is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from botocore.exceptions import ClientError

from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

# Of the tags that Terraform gives every resource, with its default of the last.
REPOSITORY = "data-flows"


@dataclass(frozen=True)
class Stored:
    """A parameter as SSM describes it. `key` is what it is encrypted with, as it was named then; none for a String."""

    kind: str
    version: int
    written: datetime
    key: str


class Store:
    """The parameters of one environment, by their names without the path."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.path = environment.names.path
        # The local stack seeds them before Terraform has made the key; the embedded AWS encrypts nothing.
        self.key = "" if environment.is_local else f"alias/{environment.title}"

    def stored(self) -> dict[str, Stored]:
        """Every parameter there is below the environment's path, known or not."""
        with self._refusing():
            ssm = self.environment.client("ssm")
            pages = ssm.get_paginator("describe_parameters").paginate(
                ParameterFilters=[{"Key": "Path", "Option": "OneLevel", "Values": [self.path]}]
            )
            return {
                each["Name"].rpartition("/")[2]: Stored(
                    each["Type"], each["Version"], each["LastModifiedDate"], each.get("KeyId", "")
                )
                for page in pages
                for each in page["Parameters"]
            }

    def value(self, name: str) -> str | None:
        """The value of one, which another is checked with; None if it was never written."""
        with self._refusing():
            ssm = self.environment.client("ssm")
            try:
                return str(ssm.get_parameter(Name=f"{self.path}/{name}", WithDecryption=True)["Parameter"]["Value"])
            except ssm.exceptions.ParameterNotFound:
                return None

    def history(self, name: str) -> list[tuple[str, datetime]]:
        """Every value that one has had and SSM still knows, with the moment it was written; the latest comes first."""
        with self._refusing():
            ssm = self.environment.client("ssm")
            try:
                pages = ssm.get_paginator("get_parameter_history").paginate(
                    Name=f"{self.path}/{name}", WithDecryption=True
                )
                found = [each for page in pages for each in page["Parameters"]]
            except ssm.exceptions.ParameterNotFound:
                return []
            found.sort(key=lambda each: -int(each["Version"]))
            return [(str(each["Value"]), each["LastModifiedDate"]) for each in found]

    def write(self, name: str, kind: str, value: str) -> None:
        """Write one, over what is there, with the environment's key and the tags that every resource has.

        Raises:
            Refusal: it is there with another type, or AWS refuses. What is there is unchanged then.
        """
        there = self.stored().get(name)
        if there and there.kind != kind:
            raise Refusal(f"{name}: {self.wrong_type(name, there.kind, kind)}.")
        key = {"KeyId": self.key} if self.key and kind == "SecureString" else {}
        parameter = {"Name": f"{self.path}/{name}", "Type": kind, "Value": value, **key}
        with self._refusing():
            ssm = self.environment.client("ssm")
            if there:  # SSM takes no tags together with what is overwritten.
                ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=parameter["Name"], Tags=self._tags())
                ssm.put_parameter(**parameter, Overwrite=True)
            else:
                ssm.put_parameter(**parameter, Tags=self._tags())

    def wrong_type(self, name: str, got: str, expected: str) -> str:
        """What a parameter of the wrong type takes: SSM changes no type."""
        return (
            f"got a {got}, expected a {expected}; SSM changes no type, so delete it "
            f"(`aws ssm delete-parameter --name {self.path}/{name}`) and write it again"
        )

    def is_own_key(self, key: str) -> bool:
        """Whether the key that SSM names is the environment's; for a parameter that is not encrypted, it is."""
        return not self.key or not key or key == self.key or key.rpartition(":")[2] in self._own_keys

    @cached_property
    def _own_keys(self) -> set[str]:
        """Other names of the environment's key, as they end; none if it may not be described or is not there."""
        try:
            key = self.environment.client("kms").describe_key(KeyId=self.key)["KeyMetadata"]
        except ClientError:
            return {self.key}
        return {self.key, key["KeyId"], f"key/{key['KeyId']}"}

    def _tags(self) -> list[dict[str, str]]:
        facts, names = self.environment.facts, self.environment.names
        tags = {
            "service": names.service,
            "environment": names.environment,
            "owner": facts["owner"],
            "repository": facts.get("repository", REPOSITORY),
        }
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Tell what AWS refuses in one sentence; but for missing rights by its code alone, since some messages repeat
        the value."""
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in {"AccessDeniedException", "AccessDenied"}:
                told = f"{code}: {error.response['Error']['Message']}. Expected this right for {self.path}/*"
                remedy = f" and the key {self.key}." if self.key else "."
            elif code in {"InvalidKeyId", "NotFoundException"}:
                told = f"{code}: the key {self.key} is not there"
                remedy = f"; it comes with the first `make apply ENV={self.environment.name}`."
            else:
                told, remedy = code, "."
            raise Refusal(f"AWS refused {error.operation_name} with {told}{remedy}", 1) from None

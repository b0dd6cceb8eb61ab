"""Folder and ports of the local stack, read from `DATA_FLOWS_*` variables and `.env`."""

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from scripts.shared.refusal import Refusal

HOST = "127.0.0.1"  # Never "localhost": Terraform's S3 backend would put the bucket in the host name.
REPOSITORY = Path(__file__).resolve().parents[2]
NETWORK_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# An address may hold a password: what was got is not told.
EXPECTED = {"prefect_database": "postgresql+asyncpg://<user>@127.0.0.1:5432/<database>"}

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(Refusal):
    """A `DATA_FLOWS_*` variable has a value the stack cannot use."""


class LocalSettings(BaseSettings):
    """Paths and ports of one local stack; a relative path starts at the repository's root."""

    model_config = SettingsConfigDict(env_prefix="DATA_FLOWS_", env_file=REPOSITORY / ".env", extra="ignore")

    directory: Path = Path("build/local")
    secrets_file: Path = Path(".secrets.env")
    aws_port: Port = 4566
    snowflake_port: Port = 4567
    dbt_port: Port = 4568
    prefect_port: Port = 4200
    agent_health_port: Port = 8080
    # Where Prefect keeps its data; by default SQLite in the directory, which is enough for some dozen runs at once.
    prefect_database: Annotated[str, Field(pattern=r"^(postgresql\+asyncpg://.*)?$")] = ""

    @field_validator("directory", "secrets_file")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return (REPOSITORY / path.expanduser()).resolve()

    @model_validator(mode="after")
    def _ports_differ(self) -> "LocalSettings":
        for port, uses in Counter(self.ports().values()).items():
            if uses > 1:
                names = [variable(name) for name, value in self.ports().items() if value == port]
                raise ValueError(f"{' and '.join(names)}: got {port} for all of them; expected different ports")
        return self

    @classmethod
    def load(cls, **overrides: Any) -> "LocalSettings":
        """Read the environment and `.env`; raise SettingsError with one sentence per wrong variable."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SettingsError("\n".join(_sentence(problem) for problem in error.errors())) from None

    def ports(self) -> dict[str, int]:
        """Setting name -> port, of everything of the stack that listens."""
        return {name: getattr(self, name) for name in type(self).model_fields if name.endswith("_port")}

    @property
    def aws_endpoint_url(self) -> str:
        return f"http://{HOST}:{self.aws_port}"

    @property
    def dbt_url(self) -> str:
        return f"http://{HOST}:{self.dbt_port}"

    @property
    def prefect_url(self) -> str:
        return f"http://{HOST}:{self.prefect_port}"

    @property
    def prefect_api_url(self) -> str:
        return f"{self.prefect_url}/api"

    @property
    def images(self) -> Path:
        """One folder per image digest (64 hex), which holds what the image would hold below its WORKDIR."""
        return self.directory / "images"

    @property
    def tasks(self) -> Path:
        """`<task id>.log` and `<task id>.json` of every task the embedded Fargate started."""
        return self.directory / "tasks"

    @property
    def calls(self) -> Path:
        """One JSON line per AWS call: time, service, action, role, resource, status."""
        return self.directory / "calls.jsonl"

    @property
    def prefect_auth_file(self) -> Path:
        """Holds `user:password` of the Prefect server, readable by the owner only."""
        return self.directory / "prefect_auth"

    def prefect_auth_string(self) -> str:
        """Return the Prefect server's basic-auth string; raise FileNotFoundError before the first start."""
        return self.prefect_auth_file.read_text().strip()

    def aws_environment(self, region: str) -> dict[str, str]:
        """Return a whole environment (pass it as `env=`) in which Terraform and boto3 speak to the embedded AWS.

        It is the caller's environment without any AWS_* variable of theirs: a profile, a CA bundle or an endpoint of
        theirs would lead the calls elsewhere.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.aws_endpoint_url,
            "AWS_ACCESS_KEY_ID": "administrator",
            "AWS_SECRET_ACCESS_KEY": "not-checked",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
            **no_proxy_here(),
        }


def variable(name: str) -> str:
    """Return the environment variable that sets `name`."""
    return f"DATA_FLOWS_{name.upper()}"


def no_proxy_here() -> dict[str, str]:
    """Return the proxy exceptions of this shell with 127.0.0.1 added: nothing of the stack goes through a proxy."""
    known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    value = ",".join(filter(None, [known, HOST, "localhost"]))
    return {"NO_PROXY": value, "no_proxy": value}


def _sentence(problem: ErrorDetails) -> str:
    if not problem["loc"]:
        return str(problem["ctx"]["error"])
    name = str(problem["loc"][0])
    expected = "a port from 1 to 65535" if name.endswith("_port") else EXPECTED.get(name, "a path")
    got = "no such address" if name in EXPECTED else repr(str(problem["input"]))
    return f"{variable(name)}: got {got}; expected {expected}"

"""Shell lines with which other clients work on an environment: aws, snowsql, prefect."""

import os
import shlex
from collections.abc import Iterator, Mapping

from botocore.exceptions import ClientError

from flows.shared.errors import DataFlowsError
from flows.shared.snowflake_account import read_account
from scripts.shared.environments import Environment
from scripts.shared.local_settings import HOST, LocalSettings
from scripts.shared.refusal import Refusal

PREFIXES = ("AWS_", "PREFECT_", "SNOWSQL_")
# The embedded Snowflake's own; it looks at no password.
LOCAL_SNOWFLAKE = {"SNOWSQL_ACCOUNT": "fakesnow", "SNOWSQL_USER": "LOADER", "SNOWSQL_PWD": "not-checked"}


def lines(environment: Environment, shell: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Comments, `unset` of what would lead elsewhere, and an export a variable, quoted.

    Raises:
        Refusal: the stack does not run, or AWS refuses what is asked.
    """
    misleading = _misleading(environment, shell)
    if not environment.is_local:
        for name in misleading:  # Nor may they lead this process to the embedded AWS.
            os.environ.pop(name, None)
    place = {f"SNOWSQL_{name.upper()}": value for name, value in environment.warehouse_place.items()}
    exports = (_local if environment.is_local else _shared)(environment) | place
    yield f"# {environment.title}"
    if not environment.is_local:
        yield from _how_to_get_secrets(environment)
    yield from (f"unset {name}" for name in sorted(misleading - set(exports)))
    yield from (f"export {name}={shlex.quote(str(value))}" for name, value in sorted(exports.items()))


def _local(environment: Environment) -> dict[str, str]:
    settings = LocalSettings.load()
    try:
        auth_string = settings.prefect_auth_string()
    except FileNotFoundError:
        raise Refusal("The local stack is not running: run `make up` first.") from None
    own = settings.aws_environment(str(environment.facts["region"]))
    return {
        **{name: value for name, value in own.items() if name.startswith("AWS_") or name.upper() == "NO_PROXY"},
        "PREFECT_API_URL": settings.prefect_api_url,
        "PREFECT_API_AUTH_STRING": auth_string,
        **LOCAL_SNOWFLAKE,
        "SNOWSQL_HOST": HOST,
        "SNOWSQL_PORT": str(settings.snowflake_port),
    }


def _shared(environment: Environment) -> dict[str, str]:
    """Account and user are no secrets, but stand in SSM."""
    environment.require_account()
    path, region = environment.names.path, str(environment.facts["region"])
    names = {f"{path}/SNOWFLAKE_ACCOUNT": "SNOWSQL_ACCOUNT", f"{path}/SNOWFLAKE_USER": "SNOWSQL_USER"}
    try:
        found = environment.client("ssm").get_parameters(Names=list(names))["Parameters"]
        # Without decryption, what is a secret by mistake comes encrypted.
        values = {each["Name"]: each["Value"] for each in found if each["Type"] == "String"}
        if account := values.get(f"{path}/SNOWFLAKE_ACCOUNT"):
            values[f"{path}/SNOWFLAKE_ACCOUNT"] = read_account(account).name
    except ClientError as error:
        raise Refusal(f"The parameters below {path}/ may not be read: {error}.") from None
    except DataFlowsError as error:
        raise Refusal(str(error)) from None
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "PREFECT_API_URL": environment.facts["prefect_api_url"],
        **{names[name]: value for name, value in values.items()},
    }


def _how_to_get_secrets(environment: Environment) -> Iterator[str]:
    credential = environment.facts.get("prefect_credential", "PREFECT_API_KEY")
    get = "aws ssm get-parameter --with-decryption --query Parameter.Value --output text --name"
    yield "# Secrets are not printed. Where a client needs one:"
    yield f'# export {credential}="$({get} {environment.names.path}/{credential})"'
    yield f"# snowsql --private-key-path takes a file of your own with {environment.names.path}/SNOWFLAKE_PRIVATE_KEY;"
    yield f"# `make sql ENV={environment.name}` needs none."


def _misleading(environment: Environment, shell: Mapping[str, str]) -> set[str]:
    """For `local` all of the clients' variables, elsewhere those that `local` has exported."""
    known = {name for name in shell if name.startswith(PREFIXES)}
    if environment.is_local:
        return known
    own = LocalSettings.load()
    if shell.get("AWS_ENDPOINT_URL", "") == own.aws_endpoint_url:
        return known
    return known & {"PREFECT_API_URL"} if shell.get("PREFECT_API_URL") == own.prefect_api_url else set()

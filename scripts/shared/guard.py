"""Says what a command is about to touch, and asks where the environment is guarded (`guarded = true` in its facts).

A person at a terminal types the environment's name; anybody else gives YES=<environment>. The pipeline's own roles are
not asked: its approval was.
"""

import os
import sys

from flows.shared.errors import DataFlowsError
from flows.shared.snowflake_account import read_account
from scripts.shared.environments import STATE_VARIABLE, Environment
from scripts.shared.refusal import Refusal

STAGES = ("plan", "apply", "register", "pipeline")


def guard(
    environment: Environment, doing: str, *, calls_aws: bool = True, calls_prefect: bool = False, own: str = ""
) -> None:
    """Show the block and get the consent that it takes. `doing`: what happens next, such as `apply the plan`; `own`:
    whose schema and prefixes are written to instead of the environment's, and which.

    A command that goes where PREFECT_API_URL leads takes consent too where that is not the environment's Prefect: a
    tunnel is one reason, a variable left over from another environment the other.

    Raises:
        Refusal: AWS does not accept the credentials, they are another account's, or nobody consents.
    """
    # Inside the image there are no facts, and only the pipeline's stage runs there.
    if environment.is_local or os.environ.get(STATE_VARIABLE):
        return
    caller = environment.require_account() if calls_aws else ""
    other_prefect = _other_prefect(environment) if calls_prefect else ""
    print("\n".join(_block(environment, doing, caller, other_prefect, own)), file=sys.stderr, flush=True)
    if _is_pipeline(environment, caller) or not (environment.facts["guarded"] or other_prefect):
        return
    name = environment.name
    given = os.environ.get("YES", "")
    if not given and sys.stdin.isatty():
        print(f"Type {name} to go on: ", end="", file=sys.stderr, flush=True)
        given = sys.stdin.readline().strip()
    if given != name:
        got = f'"{given}"' if given else "no consent"
        why = "is guarded" if environment.facts["guarded"] else "has another Prefect than PREFECT_API_URL"
        raise Refusal(f"{name} {why}: got {got}; expected YES={name}, or {name} typed at a terminal.")


def _other_prefect(environment: Environment) -> str:
    """PREFECT_API_URL, if it leads elsewhere than to the environment's Prefect."""
    given, own = os.environ.get("PREFECT_API_URL", ""), environment.facts["prefect_api_url"]
    return given if given.rstrip("/") != own.rstrip("/") else ""


def warehouse_account(environment: Environment) -> str:
    """The account that stands in SSM, or why it cannot be told. What is no account may be a secret by mistake."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = f"{environment.names.path}/SNOWFLAKE_ACCOUNT"
    try:
        return read_account(environment.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]).name
    except (BotoCoreError, ClientError) as error:
        return f"account unknown ({name}: {getattr(error, 'response', {}).get('Error', {}).get('Code') or error})"
    except DataFlowsError:
        return f"account unknown ({name} holds none)"


def _block(environment: Environment, doing: str, caller: str, other_prefect: str, own: str) -> list[str]:
    facts = environment.facts
    place = facts["snowflake"]
    account = f"{warehouse_account(environment)}, " if caller and not _is_pipeline(environment, caller) else ""
    lines = {
        "AWS": f"account {facts['account_id']}, {facts['region']}{f', as {caller}' if caller else ''}",
        "Prefect": f"{other_prefect}, not {facts['prefect_api_url']}" if other_prefect else facts["prefect_api_url"],
        "warehouse": f"{account}{place['database']}.{place['schema']} as {place['role']}, on {place['warehouse']}",
        "bucket": f"{environment.names.bucket_prefix}-results-{facts['account_id']}",
    } | ({"as": own} if own else {})
    guarded = ", which is guarded" if facts["guarded"] else ""
    return [
        f"About to {doing} in {environment.name}{guarded}:",
        *(f"  {name:<9}  {told}" for name, told in lines.items()),
    ]


def _is_pipeline(environment: Environment, caller: str) -> bool:
    """Whether the caller is a role of the environment's pipeline: …:assumed-role/DataFlows-Prod-apply/session."""
    return caller.rpartition(":assumed-role/")[2].partition("/")[0] in {
        f"{environment.title}-{each}" for each in STAGES
    }

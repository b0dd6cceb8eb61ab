"""Says what a command is about to touch, and asks where the environment is guarded (`guarded = true` in its facts).

A person at a terminal types the environment's name; anybody else gives YES=<environment>. The pipeline's own roles are
not asked: its approval was.
"""

import os
import sys

from scripts.shared.environments import STATE_VARIABLE, Environment
from scripts.shared.refusal import Refusal

STAGES = ("plan", "apply", "register", "pipeline")


def guard(environment: Environment, doing: str, *, calls_aws: bool = True, own: str = "") -> None:
    """Show the block and get the consent that it takes. `doing`: what happens next, such as `apply the plan`; `own`:
    whose schema and prefixes are written to instead of the environment's, and which.

    Raises:
        Refusal: AWS does not accept the credentials, they are another account's, or nobody consents.
    """
    # Inside the image there are no facts, and only the pipeline's stage runs there.
    if environment.is_local or os.environ.get(STATE_VARIABLE):
        return
    caller = environment.require_account() if calls_aws else ""
    facts = environment.facts
    print("\n".join(_block(environment, doing, caller, own)), file=sys.stderr, flush=True)
    if not facts["guarded"] or _is_pipeline(environment, caller):
        return
    name = environment.name
    given = os.environ.get("YES", "")
    if not given and sys.stdin.isatty():
        print(f"Type {name} to go on: ", end="", file=sys.stderr, flush=True)
        given = sys.stdin.readline().strip()
    if given != name:
        got = f'"{given}"' if given else "no consent"
        raise Refusal(f"{name} is guarded: got {got}; expected YES={name}, or {name} typed at a terminal.")


def _block(environment: Environment, doing: str, caller: str, own: str) -> list[str]:
    facts = environment.facts
    place = facts["snowflake"]
    prefect, given = facts["prefect_api_url"], os.environ.get("PREFECT_API_URL", "")
    other = f" (PREFECT_API_URL is {given})" if given and given.rstrip("/") != prefect.rstrip("/") else ""
    lines = {
        "AWS": f"account {facts['account_id']}, {facts['region']}{f', as {caller}' if caller else ''}",
        "Prefect": f"{prefect}{other}",
        "warehouse": f"{place['database']}.{place['schema']} as {place['role']}, on {place['warehouse']}",
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

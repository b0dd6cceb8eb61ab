"""The variables of a try: exactly those of the flow's task definition, beside what a terminal and an editor need."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from scripts.gate import applied_state
from scripts.gate.permissions import applied_rights
from scripts.shared.container_variables import MissingParametersError, plain_variables, secret_values
from scripts.shared.environments import ROOT, Environment
from scripts.shared.flow_files import flow_of
from scripts.shared.local_settings import CA_VARIABLES, NETWORK_VARIABLES
from scripts.shared.refusal import Refusal

# Of the caller's own variables, those of the terminal, of Python and of debuggers; whatever else a developer has set
# does not reach the flow, as it does not reach its task.
KEPT = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "COLUMNS", "LINES", "LANG", "TZ", "TMPDIR"}
KEPT_PREFIXES = ("LC_", "PYTHON", "VIRTUAL_ENV", "DEBUGPY_", "PYDEVD_", "PYCHARM_", "IDE_", "VSCODE_", "DATA_FLOWS_")
# Of another environment's, also the way to AWS.
KEPT_ELSEWHERE = {*NETWORK_VARIABLES, *CA_VARIABLES}


@dataclass(frozen=True)
class TaskDefinition:
    """What is applied for a flow's task: variables with secrets, memory, time limit, and the work pool of its runs."""

    variables: dict[str, str]
    memory_mib: int
    time_limit: timedelta
    pool: str


def read(environment: Environment, file: Path, root: Path = ROOT) -> TaskDefinition:
    """Read what is applied for the flow file, by the caller's own rights. Secrets stay in memory.

    Raises:
        Refusal: nothing is applied, or not what the file declares, or a parameter is missing or may not be read.
    """
    pool, flows = applied_state.read_outputs(environment, "work_pool", "flows")
    flow = flow_of(file)
    # What its role may do is of no matter here: a try has the caller's rights.
    if "secrets" in applied_rights.not_applied(flows["declared"], root, strict=False).get(flow, ()):
        raise Refusal(
            f"{file}: got `secrets` that are not applied to {environment.title}; expected what its runs get: "
            f"{_remedy(environment)} first."
        )
    if "time_limit_minutes" not in pool:
        raise Refusal(f"What is applied to {environment.title} says no time limit of runs: plan and apply again.")
    name = flows["declared"].get(flow, {}).get("definition", "flow")
    arn = pool["base_job_template"]["job_configuration"]["task_definitions"][name]
    try:
        definition = environment.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        container = definition["containerDefinitions"][0]
        secrets = secret_values(environment.client("ssm"), container)
    except MissingParametersError as error:
        raise Refusal(f"SSM has not all parameters of {arn.rpartition('/')[2]}: {error}.") from None
    except ClientError as error:
        raise Refusal(f"The task definition or its secrets may not be read: {error}.") from None
    memory = int(container.get("memory") or definition["memory"])
    limit = timedelta(minutes=pool["time_limit_minutes"])
    return TaskDefinition(plain_variables(container) | secrets, memory, limit, pool["name"])


def _remedy(environment: Environment) -> str:
    if environment.is_local:
        return "`make up`"
    return f"`make plan ENV={environment.name}` and `make apply ENV={environment.name}`"


def combine(
    environment: Environment, definition: dict[str, str], own: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """All variables of the process: the kept ones of the caller, those that lead to AWS, and the definition's."""
    kept = {name: value for name, value in own.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
    aws: dict[str, Any] = {
        name: value
        for name, value in environment.environment_variables().items()
        if name.startswith("AWS_")
        or name.upper() == "NO_PROXY"
        or (not environment.is_local and name in KEPT_ELSEWHERE)
    }
    return {
        **kept,
        **aws,
        "PYTHONUNBUFFERED": "1",
        # A developer's own profile must not decide where the run is reported to.
        "PREFECT_HOME": str(environment.directory / "prefect-client"),
        "DO_NOT_TRACK": "1",
        **definition,
    }

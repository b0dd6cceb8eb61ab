"""The variables and secrets that a container definition of ECS gives its container."""

from typing import Any

SSM_BATCH = 10


class MissingParametersError(Exception):
    """Parameters of SSM that a definition names do not exist."""


def plain_variables(container: dict[str, Any]) -> dict[str, str]:
    """The definition's environment, value by name."""
    return {entry["name"]: entry["value"] for entry in container.get("environment") or []}


def secret_values(ssm: Any, container: dict[str, Any]) -> dict[str, str]:
    """The definition's secrets, value by name, as the client `ssm` may read them.

    Raises:
        MissingParametersError: with the names that SSM does not have.
        ClientError: SSM refused.
    """
    wanted = {secret["name"]: secret["valueFrom"] for secret in container.get("secrets") or []}
    arns = sorted(set(wanted.values()))
    found: dict[str, str] = {}
    for start in range(0, len(arns), SSM_BATCH):
        answer = ssm.get_parameters(Names=arns[start : start + SSM_BATCH], WithDecryption=True)
        if invalid := answer["InvalidParameters"]:
            raise MissingParametersError(f"invalid parameters: {' '.join(sorted(invalid))}")
        found |= {
            key: parameter["Value"]
            for parameter in answer["Parameters"]
            for key in (parameter["ARN"], parameter["Name"])
        }
    return {name: found[arn] for name, arn in wanted.items()}

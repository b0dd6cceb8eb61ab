"""The gate record and Terraform's outputs of the applied plan, stored beside the Terraform state, in the same versioned
and encrypted bucket."""

import json
from typing import Any

from botocore.exceptions import ClientError

from scripts.gate.record import GateRecord, parse
from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

RECORD, OUTPUTS = "gate.json", "outputs.json"


def _object(environment: Environment, name: str) -> dict[str, str]:
    folder = str(environment.backend["key"]).rpartition("/")[0]
    return {"Bucket": str(environment.backend["bucket"]), "Key": f"{folder}/{name}"}


def _put(environment: Environment, name: str, content: str) -> None:
    environment.client("s3").put_object(
        **_object(environment, name), Body=content.encode(), ContentType="application/json"
    )


def _get(environment: Environment, name: str) -> tuple[bytes, str]:
    """An object's content and address.

    Raises:
        Refusal: nothing was applied yet.
    """
    place = _object(environment, name)
    address = f"s3://{place['Bucket']}/{place['Key']}"
    try:
        return environment.client("s3").get_object(**place)["Body"].read(), address
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchKey", "NoSuchBucket", "404"}:
            raise
        raise Refusal(
            f"Nothing at {address}; expected the files that `make apply` stores there: "
            f"run `make plan ENV={environment.name}` and `make apply ENV={environment.name}` first."
        ) from None


def save(environment: Environment, record: GateRecord, outputs: dict[str, Any]) -> None:
    """Store the outputs and the record of the plan that was just applied. The record comes last: it stands for both."""
    _put(environment, OUTPUTS, json.dumps(outputs, indent=2))
    _put(environment, RECORD, record.model_dump_json(indent=2))


def read_record(environment: Environment) -> GateRecord:
    """The record of what is applied.

    Raises:
        Refusal: nothing was applied yet.
    """
    return parse(*_get(environment, RECORD))


def read_outputs(environment: Environment, *names: str) -> list[Any]:
    """Some of Terraform's outputs of what is applied: registration has no Terraform where it runs in the image.

    Raises:
        Refusal: nothing was applied yet, or by an apply that had no such output.
    """
    content, address = _get(environment, OUTPUTS)
    outputs = json.loads(content)
    if missing := [name for name in names if name not in outputs]:
        raise Refusal(f"{address}: got {', '.join(outputs)}; expected {', '.join(missing)} too: plan and apply again.")
    return [outputs[name] for name in names]


def is_applied(environment: Environment, record: GateRecord) -> bool:
    """Whether this record is that of the applied plan."""
    try:
        return read_record(environment) == record
    except Refusal:
        return False

"""The gate record of what is applied, kept beside the Terraform state: in the same bucket, versioned and encrypted."""

from botocore.exceptions import ClientError

from scripts.environments import Environment
from scripts.plan_checks.record import GateRecord, parse
from scripts.refusal import Refusal


def _object(environment: Environment) -> dict[str, str]:
    folder = str(environment.backend["key"]).rpartition("/")[0]
    return {"Bucket": str(environment.backend["bucket"]), "Key": f"{folder}/gate.json"}


def store(environment: Environment, record: GateRecord) -> None:
    """Put the record of the plan that was just applied."""
    body = record.model_dump_json(indent=2).encode()
    environment.client("s3").put_object(**_object(environment), Body=body, ContentType="application/json")


def stored(environment: Environment) -> GateRecord:
    """The record of what is applied.

    Raises:
        Refusal: nothing was applied yet.
    """
    place = _object(environment)
    try:
        body = environment.client("s3").get_object(**place)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchKey", "NoSuchBucket", "404"}:
            raise
        raise Refusal(
            f"No gate record at s3://{place['Bucket']}/{place['Key']}; expected that of an applied plan: "
            f"`make plan ENV={environment.name}` and `make apply ENV={environment.name}` first."
        ) from None
    return parse(body, f"s3://{place['Bucket']}/{place['Key']}")


def is_stored(environment: Environment, record: GateRecord) -> bool:
    """Whether this very record is the one of what is applied."""
    try:
        return stored(environment) == record
    except Refusal:
        return False

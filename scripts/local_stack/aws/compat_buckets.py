"""Corrects where moto forgets part of a bucket's lifecycle: how many replaced versions stay however old they are."""

from typing import Any

from moto.core.responses import ActionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from scripts.local_stack.patches import Original, replace

STAYING = "NewerNoncurrentVersions"
# Bucket → of each rule of its lifecycle, how many versions stay.
VERSIONS: dict[str, list[str | None]] = {}


def install() -> None:
    """Patch moto's classes, once per process."""
    replace(FakeBucket, "set_lifecycle", _set_lifecycle)
    replace(S3Response, "serialized", _serialized)


def _set_lifecycle(original: Original, bucket: FakeBucket, rules: list[dict[str, Any]]) -> None:
    original(bucket, rules)
    VERSIONS[bucket.name] = [(rule.get("NoncurrentVersionExpiration") or {}).get(STAYING) for rule in rules]


def _serialized(original: Original, response: S3Response, answer: ActionResult) -> Any:
    result = answer.result
    if isinstance(result, dict) and "TransitionDefaultMinimumObjectSize" in result:  # GetBucketLifecycleConfiguration
        for rule, versions in zip(result["Rules"], VERSIONS[response.bucket_name], strict=True):
            if versions:
                rule["NoncurrentVersionExpiration"][STAYING] = versions
    return original(response, answer)

"""Corrects where moto forgets part of a bucket's lifecycle: how many replaced versions stay however old they are."""

from typing import Any

from moto.core.responses import ActionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from scripts.local_stack.patches import Original, replace

KEPT = "NewerNoncurrentVersions"


def install() -> None:
    """Patch moto's classes, once per process."""
    replace(FakeBucket, "set_lifecycle", _set_lifecycle)
    replace(S3Response, "serialized", _serialized)


def _set_lifecycle(original: Original, bucket: FakeBucket, rules: list[dict[str, Any]]) -> None:
    original(bucket, rules)
    for kept, given in zip(bucket.rules, rules, strict=True):
        kept.newer_versions = (given.get("NoncurrentVersionExpiration") or {}).get(KEPT)


def _serialized(original: Original, response: S3Response, answer: ActionResult) -> Any:
    result = answer.result
    if isinstance(result, dict) and "TransitionDefaultMinimumObjectSize" in result:  # GetBucketLifecycleConfiguration
        for shown, rule in zip(result["Rules"], response.backend.get_bucket(response.bucket_name).rules, strict=True):
            if newer := getattr(rule, "newer_versions", None):
                shown["NoncurrentVersionExpiration"][KEPT] = newer
    return original(response, answer)

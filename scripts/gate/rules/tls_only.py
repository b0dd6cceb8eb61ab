"""Buckets accept TLS only: every bucket has a policy that denies plain HTTP."""

from collections.abc import Iterator

from scripts.gate.reading.documents import Document, Statement, documents
from scripts.gate.reading.plan import Finding, Plan
from scripts.gate.reading.references import targets

NEEDS = ("known_policies",)
EXPECTED = "a policy that denies s3:* to everybody on the bucket and its objects where aws:SecureTransport is false"


def check(plan: Plan) -> Iterator[Finding]:
    guarded: set[str] = set()
    for document in documents(plan):
        # What cannot be read is a finding of known_policies.
        if document.resource.type == "aws_s3_bucket_policy" and (document.problem or _denies_plain_http(document)):
            guarded.update(one.address for one in targets(plan, document.resource, "bucket", "aws_s3_bucket"))
    for bucket in plan.planned("aws_s3_bucket"):
        if bucket.address not in guarded:
            yield Finding(bucket.address, "no policy that denies calls without TLS", EXPECTED)


def _denies_plain_http(document: Document) -> bool:
    return any(statement.effect == "Deny" and _denies_everything(statement) for statement in document.statements)


def _denies_everything(statement: Statement) -> bool:
    to_all = any(name == "*" for _, name in statement.principals)
    # Alone: a second condition would let more through.
    plain = statement.conditions == (("bool", "aws:securetransport", ("false",)),)
    objects = any(resource == "*" or resource.endswith("/*") for resource in statement.resources)
    itself = any(not resource.endswith("/*") for resource in statement.resources)
    everything = bool({"s3:*", "*"} & {action.lower() for action in statement.actions})
    return to_all and plain and everything and objects and itself

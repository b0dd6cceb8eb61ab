"""S3 and ECR."""

from typing import Any

from plan_builder import policy

from public_pairs.pair import ACCOUNT, PREFIX, TITLE, Of, Pair, Stack, change, without

BUCKET, BLOCK = "aws_s3_bucket.results", "aws_s3_bucket_public_access_block.results"
ENCRYPTION = "aws_s3_bucket_server_side_encryption_configuration.results"
VERSIONING, LOGGING, LIFECYCLE = (
    f"aws_s3_bucket_{what}.results" for what in ("versioning", "logging", "lifecycle_configuration")
)
POLICY, ACL, KEY = "aws_s3_bucket_policy.results", "aws_s3_bucket_acl.results", "aws_kms_key.data"
NAME = f"{PREFIX}-results-{ACCOUNT}"
ARN = f"arn:aws:s3:::{NAME}"
OF = Of(BUCKET)
ADMINISTERED = policy(
    {
        "Sid": "Root",
        "Action": "kms:*",
        "Resource": "*",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    }
)
KMS: Stack = {
    KEY: {
        "enable_key_rotation": True,
        "is_enabled": True,
        "key_usage": "ENCRYPT_DECRYPT",
        "customer_master_key_spec": "SYMMETRIC_DEFAULT",
        "deletion_window_in_days": 30,
        "bypass_policy_lockout_safety_check": False,
        "policy": ADMINISTERED,
    }
}
TLS = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [ARN, f"{ARN}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


LOCK = {name: value for name, value in TLS.items() if name != "Condition"}


def rule(**more: Any) -> list[Any]:
    """A rule of a lifecycle."""
    return [{"id": "old", "status": "Enabled", "filter": [{}], "expiration": [{"days": 365}]} | more]


def encrypted(**by: Any) -> list[Any]:
    """The encryption of a bucket."""
    return [{"bucket_key_enabled": True, "apply_server_side_encryption_by_default": [by]}]


STORE: Stack = KMS | {
    BUCKET: {"bucket": NAME, "force_destroy": False},
    BLOCK: {
        "bucket": OF,
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    },
    ENCRYPTION: {"bucket": OF, "rule": encrypted(sse_algorithm="aws:kms", kms_master_key_id=Of(KEY, "arn"))},
    VERSIONING: {"bucket": OF, "versioning_configuration": [{"status": "Enabled"}]},
    LOGGING: {"bucket": OF, "target_bucket": f"{PREFIX}-access-logs-{ACCOUNT}", "target_prefix": "results/"},
    LIFECYCLE: {
        "bucket": OF,
        "rule": rule(abort_incomplete_multipart_upload=[{"days_after_initiation": 7}]),
    },
    POLICY: {"bucket": OF, "policy": policy(TLS)},
}
OWN_READER = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "s3:GetObject", "Resource": f"{ARN}/*"}


ASKED = "checkov asks it of each bucket; that of the access logs has none, with a reason in the code"


def s3(about: str, bad: Stack, good: Stack = STORE, **why: str) -> Pair:
    """A pair about buckets."""
    return Pair("S3", about, bad, good, **why)


def acl(given: str = "", **grant: Any) -> Stack:
    """The bucket with an ACL."""
    grants = [{"owner": [{"id": "1"}], "grant": [grant]}] if grant else None
    return change(STORE, ACL, bucket=OF, acl=given or None, access_control_policy=grants)


EVERYBODY = {"type": "Group", "uri": "http://acs.amazonaws.com/groups/global/AllUsers"}
REPLICATED = change(
    STORE,
    "aws_s3_bucket_replication_configuration.results",
    bucket=OF,
    role=f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-copy",
    rule=[{"id": "all", "status": "Enabled", "destination": [{"bucket": "arn:aws:s3:::copies"}]}],
)
OBJECT = change(STORE, "aws_s3_bucket_object.start", bucket=OF, key="start", content="1", kms_key_id=Of(KEY, "arn"))
POINT = change(
    STORE,
    "aws_s3_access_point.readers",
    bucket=OF,
    name="readers",
    public_access_block_configuration=[dict.fromkeys(list(STORE[BLOCK])[1:], True)],
)
OWNED = change(
    STORE,
    "aws_s3_bucket_ownership_controls.results",
    bucket=OF,
    rule=[{"object_ownership": "BucketOwnerEnforced"}],
)
BUCKETS = (
    *(s3(f"public access block: {name}", change(STORE, BLOCK, **{name: False})) for name in list(STORE[BLOCK])[1:]),
    s3("a bucket has a public access block", without(STORE, BLOCK)),
    s3("a bucket is encrypted", without(STORE, ENCRYPTION)),
    s3(
        "a bucket is encrypted with a key of the customer",
        change(STORE, ENCRYPTION, rule=encrypted(sse_algorithm="AES256")),
    ),
    s3(
        "a bucket's key is not the one of AWS",
        change(STORE, ENCRYPTION, rule=encrypted(sse_algorithm="aws:kms", kms_master_key_id="alias/aws/s3")),
    ),
    s3("reads of a bucket are logged", without(STORE, LOGGING), left=ASKED),
    s3("a bucket keeps versions", without(STORE, VERSIONING), left=ASKED),
    s3("versions are not suspended", change(STORE, VERSIONING, versioning_configuration=[{"status": "Suspended"}])),
    s3(
        "deleting a version asks for MFA",
        change(STORE, VERSIONING, versioning_configuration=[{"status": "Enabled", "mfa_delete": "Disabled"}]),
        change(STORE, VERSIONING, versioning_configuration=[{"status": "Enabled", "mfa_delete": "Enabled"}]),
        missed="only the root user with a device can turn it on",
        left="only the root user with a device can turn it on, so Terraform cannot; roles may delete no version",
    ),
    s3("an ACL does not let everybody read", acl("public-read"), acl("private")),
    s3("an ACL does not let everybody write", acl("public-read-write"), acl("private")),
    s3("an ACL does not let every AWS user read", acl("authenticated-read"), acl("private")),
    s3(
        "an ACL grants nothing to everybody by a group",
        acl(permission="FULL_CONTROL", grantee=[EVERYBODY]),
        acl(permission="READ", grantee=[{"type": "CanonicalUser", "id": "1"}]),
    ),
    s3(
        "ACLs are disabled",
        change(OWNED, "aws_s3_bucket_ownership_controls.results", rule=[{"object_ownership": "ObjectWriter"}]),
        OWNED,
    ),
    s3(
        "a bucket policy allows nothing to everybody",
        change(STORE, POLICY, policy=policy(TLS, OWN_READER | {"Principal": "*"})),
        change(STORE, POLICY, policy=policy(TLS, OWN_READER)),
        ours="no reader is listed in principals.yaml: roles read by their own policies",
    ),
    s3(
        "a bucket policy allows no wildcard of actions",
        change(STORE, POLICY, policy=policy(TLS, OWN_READER | {"Action": "s3:*"})),
        change(STORE, POLICY, policy=policy(TLS, OWN_READER)),
        ours="no reader is listed in principals.yaml: roles read by their own policies",
    ),
    s3(
        "a bucket policy locks nobody but root out",
        change(STORE, POLICY, policy=policy(TLS, LOCK)),
    ),
    s3("a bucket refuses plain HTTP", without(STORE, POLICY)),
    s3(
        "unfinished uploads are aborted",
        change(STORE, LIFECYCLE, rule=rule()),
        left="it costs money and opens nothing; checkov asks it",
    ),
    s3("old objects expire", without(STORE, LIFECYCLE)),
    s3(
        "an object is encrypted with a key of the customer",
        change(OBJECT, "aws_s3_bucket_object.start", kms_key_id=None),
        OBJECT,
    ),
    s3(
        "an access point blocks public access",
        change(
            POINT,
            "aws_s3_access_point.readers",
            public_access_block_configuration=[dict.fromkeys(list(STORE[BLOCK])[1:], False)],
        ),
        POINT,
    ),
    s3(
        "a bucket is no website",
        change(
            STORE, "aws_s3_bucket_website_configuration.results", bucket=OF, index_document=[{"suffix": "index.html"}]
        ),
        missed="a website shows what is public, and the block of public access lets nothing be",
    ),
    s3(
        "a bucket tells of its objects",
        STORE,
        change(
            STORE,
            "aws_s3_bucket_notification.results",
            bucket=OF,
            topic=[{"events": ["s3:ObjectCreated:*"], "topic_arn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:{TITLE}-alerts"}],
        ),
        left="nothing here waits for such an event; where events go is a way out",
    ),
    s3(
        "a bucket is copied to another region",
        STORE,
        REPLICATED,
        left="a copy elsewhere is a second place to protect; versions keep the data",
    ),
    s3(
        "a bucket has an object lock",
        STORE,
        change(STORE, BUCKET, object_lock_enabled=True),
        missed="a lock keeps what should expire; checkov asks for versions instead",
        ours="results must expire and be replaced by later runs",
        left="results must expire and be replaced by later runs; versions keep what was there",
    ),
)

REPOSITORY = "aws_ecr_repository.images"
IMAGES: Stack = KMS | {
    REPOSITORY: {
        "name": "data-flows",
        "image_tag_mutability": "IMMUTABLE",
        "force_delete": False,
        "image_scanning_configuration": [{"scan_on_push": True}],
        "encryption_configuration": [{"encryption_type": "KMS", "kms_key": Of(KEY, "arn")}],
    }
}
PULL = {"Action": ["ecr:BatchGetImage"], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}


def shared(**statement: Any) -> Stack:
    """The repository with a policy."""
    return change(IMAGES, "aws_ecr_repository_policy.images", repository="data-flows", policy=policy(PULL | statement))


def ecr(about: str, bad: Stack, good: Stack = IMAGES) -> Pair:
    """A pair about image repositories."""
    return Pair(
        "ECR", about, bad, good, ours="the account has the repository: terraform/bootstrap makes it, no environment"
    )


PAIRS = (
    *BUCKETS,
    ecr("images are scanned", change(IMAGES, REPOSITORY, image_scanning_configuration=[{"scan_on_push": False}])),
    ecr("how images are scanned is said", change(IMAGES, REPOSITORY, image_scanning_configuration=None)),
    ecr("a tag stays with its image", change(IMAGES, REPOSITORY, image_tag_mutability="MUTABLE")),
    ecr("images are encrypted with a key of the customer", change(IMAGES, REPOSITORY, encryption_configuration=None)),
    ecr(
        "the key of images is not the one of AWS",
        change(IMAGES, REPOSITORY, encryption_configuration=[{"encryption_type": "KMS"}]),
    ),
    ecr("a repository is not public", shared(Principal="*"), shared()),
    ecr("a repository's policy names its actions", shared(Action="ecr:*"), shared()),
)

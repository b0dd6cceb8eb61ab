"""Containers run the checked image, from the own account's repository and named by digest.

The working tree, which has a digest of its own, runs on the local stack alone.
"""

import re
from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.documents import containers
from scripts.gate.reading.plan import Finding, Plan
from scripts.shared.environments import LOCAL
from scripts.shared.image_digest import WORKING_TREE

NEEDS = ("known_policies",)
IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)@(?P<digest>sha256:[0-9a-f]{64})"
)

VARIABLES = {
    "account_id": "account",
    "region": "region",
    "image_repository": "repository",
    "image_digest": "digest",
}


def check(plan: Plan) -> Iterator[Finding]:
    for definition in containers(plan):
        for container in definition.items:
            if not _is_checked_image(container.get("image"), plan):
                got = f"container {container.get('name')}: image = {container.get('image')}"
                yield Finding(definition.resource.address, got, _expected(plan))


def _is_checked_image(image: Any, plan: Plan) -> bool:
    match = IMAGE.fullmatch(image) if isinstance(image, str) else None
    if match is None or _is_working_tree_elsewhere(match["digest"], plan):
        return False
    return all(plan.variable(name) in {None, match[group]} for name, group in VARIABLES.items())


def _is_working_tree_elsewhere(digest: str, plan: Plan) -> bool:
    """Whether it names what is on somebody's machine, where a pushed image is to run."""
    return digest == WORKING_TREE and plan.variable("environment") != LOCAL


def _expected(plan: Plan) -> str:
    account, region = plan.variable("account_id") or "<account>", plan.variable("region") or "<region>"
    digest = plan.variable("image_digest") or "sha256:<64 hex>"
    if _is_working_tree_elsewhere(digest, plan):
        digest = "sha256:<64 hex> of a pushed image"
    repository = plan.variable("image_repository") or "<repository>"
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{repository}@{digest}"

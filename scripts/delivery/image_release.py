"""What `make release` does: build the image of the checked-out commit, push it once, start the pipeline with it."""

import base64
import shutil
import subprocess
from typing import Any

from botocore.exceptions import ClientError

from scripts.gate import applied_state
from scripts.gate.permissions import applied_rights
from scripts.shared import git_tree
from scripts.shared.environments import ROOT, Environment
from scripts.shared.guard import guard
from scripts.shared.image_digest import image_digest
from scripts.shared.refusal import Refusal

ENGINES = ("docker", "podman")


def engine() -> str:
    """The container engine of this machine.

    Raises:
        Refusal: there is none.
    """
    found = next(filter(shutil.which, ENGINES), None)
    if not found:
        raise Refusal(f"No container engine on PATH; expected one of {', '.join(ENGINES)}: install one.")
    return found


def commit_to_release() -> str:
    """The commit that is checked out.

    Raises:
        Refusal: the tree holds something else.
    """
    source = git_tree.source()
    if not source["tree_clean"]:
        raise Refusal(
            "The working tree has uncommitted changes; expected none, because the image is tagged with the commit."
        )
    return str(source["commit"])


def pushed_digest(ecr: Any, repository: str, tag: str) -> str | None:
    """Digest of the image with that tag, None if there is none yet."""
    answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
    return answer["images"][0]["imageId"]["imageDigest"] if answer["images"] else None


def push(ecr: Any, environment: Environment, tag: str) -> None:
    """Build the image and push it under the tag.

    Raises:
        Refusal: the engine failed; see its output above.
    """
    login = ecr.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(login["authorizationToken"]).decode().partition(":")
    image = f"{environment.registry}/{environment.facts['image_repository']}:{tag}"
    # The label says which sources are in it, also to whoever has only the image.
    steps = [
        (["build", "--tag", image, "--label", f"data-flows.sources={image_digest()}", str(ROOT)], None),
        (["login", "--username", user, "--password-stdin", environment.registry], password),
        (["push", image], None),
    ]
    run = engine()
    for arguments, given in steps:
        answer = subprocess.run([run, *arguments], input=given, text=True, check=False)
        if answer.returncode:
            raise Refusal(f"{run} {arguments[0]} ended with {answer.returncode}: see its output above.", 1)


def require_known_rights(environment: Environment) -> None:
    """Refuse what the pipeline would refuse at its plan, because it makes no roles: new rights of flows.

    Raises:
        Refusal: flow files declare permissions or parameters that no administrator has applied yet.
    """
    try:
        [flows] = applied_state.read_outputs(environment, "flows")
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "403"}:
            raise
        print(
            "What is applied may not be read by these credentials: the pipeline's plan looks for new rights of flows."
        )
        return
    if problems := list(applied_rights.beyond(flows, environment.facts)):
        raise Refusal("\n".join(problems), 1)


def release(environment: Environment) -> None:
    """Push the commit's image if it is not there, and start the pipeline with its digest.

    Raises:
        Refusal: nothing can be built, pushed or started.
    """
    if environment.is_local:
        raise Refusal("ENV is local; expected an environment with a pipeline. For the local stack, run `make up`.")
    commit = commit_to_release()
    require_known_rights(environment)
    guard(environment, f"release commit {commit[:12]}")
    ecr = environment.client("ecr")
    digest = pushed_digest(ecr, environment.facts["image_repository"], commit)
    if not digest:
        push(ecr, environment, commit)
        digest = pushed_digest(ecr, environment.facts["image_repository"], commit)
    started = environment.client("codepipeline").start_pipeline_execution(
        name=environment.title,
        variables=[{"name": "IMAGE_DIGEST", "value": digest}],
        sourceRevisions=[{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit}],
    )
    print(f"pipeline {environment.title} started for {commit[:12]} with {digest}: {started['pipelineExecutionId']}")

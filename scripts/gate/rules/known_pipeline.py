"""Deliveries go their known way: from the environment's branch through each stage, with the approval it asks for."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.decisions.forms import is_absent
from scripts.gate.reading.facts import facts
from scripts.gate.reading.plan import UNKNOWN, Finding, Plan

OURS = True
APPROVAL = "Approve"


def check(plan: Plan) -> Iterator[Finding]:
    expected = _stages(plan)
    names = " → ".join(stage["name"] for stage in expected)
    for pipeline in plan.planned("aws_codepipeline"):
        stages = pipeline.after.get("stage")
        if stages is UNKNOWN or not isinstance(stages, list):
            yield Finding(pipeline.address, "stage unknown until apply", names)
            continue
        # What AWS fills in of an action.
        filled = {"region": plan.variable("region"), "run_order": 1, "timeout_in_minutes": 0}
        planned = [_plain(stage, filled) for stage in stages]
        got = " → ".join(str(stage.get("name")) for stage in planned)
        if got != names:
            yield Finding(pipeline.address, f"the stages {got or 'none'}", names)
            continue
        for one, wanted in zip(planned, expected, strict=True):
            if one.get("name") == APPROVAL:  # What it says to the person is free.
                _drop_words(one)
            if one != wanted:
                yield Finding(pipeline.address, f"stage {_differ(one, wanted)}", str(_differ(wanted, one)))


def _stages(plan: Plan) -> list[dict[str, Any]]:
    given = plan.setting("delivery") or {}
    known = facts(plan)
    title = known["title"]
    source = {
        "ConnectionArn": given.get("connection_arn"),
        "FullRepositoryId": given.get("repository"),
        "BranchName": given.get("branch") or "main",
        "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
        "DetectChanges": "false",
    }
    topic = "arn:{partition}:sns:{region}:{account}:{title}-alerts".format(**known)
    digest = '[{"name":"IMAGE_DIGEST","type":"PLAINTEXT","value":"#{variables.IMAGE_DIGEST}"}]'
    plan_action = {"ProjectName": f"{title}-plan", "EnvironmentVariables": digest}
    apply_action = {"ProjectName": f"{title}-apply", "PrimarySource": "source"}
    approval = [_stage("Approve", "Approve", "Approval", "Manual", {"NotificationArn": topic})]
    return [
        _stage("Source", "Source", "Source", "CodeStarSourceConnection", source, output_artifacts=["source"]),
        _build("Plan", "PlanAndGate", plan_action, input_artifacts=["source"], output_artifacts=["plan"]),
        *(approval if given.get("approval") is not False else []),
        _build("Apply", "Apply", apply_action, input_artifacts=["source", "plan"]),
        _build("Register", "Register", {"ProjectName": f"{title}-register"}, input_artifacts=["plan"]),
    ]


def _build(name: str, action: str, configuration: dict[str, Any], **artifacts: list[str]) -> dict[str, Any]:
    return _stage(name, action, "Build", "CodeBuild", configuration, **artifacts)


def _stage(
    name: str, action: str, category: str, provider: str, configuration: dict[str, Any], **artifacts: list[str]
) -> dict[str, Any]:
    one = {"name": action, "category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "action": [one | {"configuration": configuration} | artifacts]}


def _plain(value: Any, filled: dict[str, Any]) -> Any:
    """A block without what is absent and without what AWS fills in."""
    if isinstance(value, dict):
        kept = {key: _plain(one, filled) for key, one in value.items() if not is_absent(one)}
        return {key: one for key, one in kept.items() if key not in filled or one not in (UNKNOWN, filled[key])}
    return [_plain(one, filled) for one in value] if isinstance(value, list) else value


def _drop_words(stage: dict[str, Any]) -> None:
    for action in stage.get("action") or []:
        if isinstance(action.get("configuration"), dict):
            action["configuration"].pop("CustomData", None)


def _differ(one: Any, other: Any) -> Any:
    """What one has that the other has not, as small as possible."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = {key: _differ(value, other.get(key)) for key, value in one.items() if value != other.get(key)}
        gone = {key: None for key in other if key not in one}
        return found | gone
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_differ(*pair) for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return one

"""What a release may change: exactly what the pipeline's apply role has permissions for (modules/iam).

Only an administrator changes network, roles, keys, buckets, queues and the pipeline itself. A plan that changes one of
them already fails in the stage plan, so that the stage apply never stops half-way.
"""

from collections.abc import Iterator

from scripts.gate.reading.plan import Finding, Plan

EXPECTED = (
    "no such change in a release: an administrator plans and applies it (docs/runbook.md#what-a-release-may-not-change)"
)
OF_FLOWS = f"no new rights of flows in a release, neither permissions nor parameters; {EXPECTED}"
ANY = {"create", "update", "delete"}
RELEASED = {
    "aws_appautoscaling_policy": ANY,
    "aws_appautoscaling_scheduled_action": ANY,
    "aws_appautoscaling_target": {"update"},
    "aws_cloudwatch_dashboard": {"update"},
    "aws_cloudwatch_log_group": {"update"},
    "aws_cloudwatch_log_metric_filter": ANY,
    "aws_cloudwatch_metric_alarm": ANY,
    "aws_ecs_service": {"update"},
    "aws_ecs_task_definition": ANY,
}
# What `permissions` and new names of `secrets` in flow files change.
ROLES_OF_FLOWS = (
    *("module.iam.aws_iam_role.flow", "module.iam.aws_iam_role_policy.flow", "module.iam.aws_iam_policy.flow_boundary"),
    'module.iam.aws_iam_role_policy.task["execution"]',
)
# Of the pipeline's projects, only the one that runs in the image changes with the image.
RELEASED_ADDRESSES = {'module.delivery[0].aws_codebuild_project.stage["register"]': {"update"}}


def check(plan: Plan) -> Iterator[Finding]:
    """A finding for every planned change that a release may not make."""
    for change in plan.changes:
        allowed = RELEASED_ADDRESSES.get(change.address) or RELEASED.get(change.type, set())
        refused = [action for action in change.change.actions if action not in allowed | {"no-op", "read"}]
        if refused:
            of_flows = change.address.startswith(ROLES_OF_FLOWS)
            yield Finding(change.address, " and ".join(refused), OF_FLOWS if of_flows else EXPECTED)

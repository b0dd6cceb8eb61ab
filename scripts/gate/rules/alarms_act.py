"""Every alarm notifies somebody: it has at least one action, and its actions are enabled."""

from collections.abc import Iterator

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan
from scripts.gate.reading.references import describe_value, is_configured

EXPECTED = "alarm_actions with a topic, and actions_enabled = true"


def check(plan: Plan) -> Iterator[Finding]:
    for alarm in plan.planned("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"):
        actions = alarm.after.get("alarm_actions")
        # The ARN of a topic that this plan makes is unknown; that there is one is not.
        if not actions or (actions is UNKNOWN and not is_configured(plan, alarm, "alarm_actions")):
            yield Finding(alarm.address, "no alarm_actions", EXPECTED)
        enabled = alarm.after.get("actions_enabled", True)
        if enabled is not True and enabled is not None:
            yield Finding(alarm.address, describe_value(plan, alarm, "actions_enabled", enabled), EXPECTED)

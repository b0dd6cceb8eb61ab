"""Lets an alarm of the embedded CloudWatch publish on its topics when its state changes; moto's tells nobody.

Nothing evaluates metrics here, so a state changes only by SetAlarmState. The message has the fields that AWS documents
for an alarm's message on SNS.
"""

import json

from moto.cloudwatch.models import Alarm
from moto.sns.models import sns_backends

from scripts.local_stack.patches import Original, replace


def install() -> None:
    """Patch moto's class, once per process."""
    replace(Alarm, "update_state", _update_state)


def _update_state(original: Original, alarm: Alarm, reason: str, reason_data: str, state_value: str) -> None:
    before = alarm.state_value
    original(alarm, reason, reason_data, state_value)
    topics = {
        "ALARM": alarm.alarm_actions,
        "OK": alarm.ok_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
    }[state_value]
    if before == state_value or not alarm.actions_enabled:
        return
    for topic in topics:
        if topic.split(":")[2] == "sns":
            account = topic.split(":")[4]
            sns_backends[account][alarm.region_name].publish(
                arn=topic,
                subject=f'{state_value}: "{alarm.name}" in {alarm.region_name}',
                message=json.dumps(_message(alarm, before, account)),
            )


def _message(alarm: Alarm, before: str, account: str) -> dict[str, object]:
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": alarm.configuration_updated_timestamp.isoformat(),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": alarm.state_updated_timestamp.isoformat(),
        "Region": alarm.region_name,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "Statistic",
            "Statistic": (alarm.statistic or "").upper(),
            "Dimensions": [{"value": each.value, "name": each.name} for each in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "TreatMissingData": alarm.treat_missing_data or "",
        },
    }

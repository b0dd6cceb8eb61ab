"""An alarm whose state changes is published on its topic, as CloudWatch does."""

import json

from embedded_cloud import Cloud

ALARM = {
    "AlarmDescription": "No agent.",
    "MetricName": "RunningTaskCount",
    "Namespace": "ECS/ContainerInsights",
    "Statistic": "Maximum",
    "Dimensions": [{"Name": "ClusterName", "Value": "c"}],
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "LessThanThreshold",
}


def messages(cloud, queue):
    """What is in the queue, taken out of it."""
    found = cloud["sqs"].receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for each in found:
        cloud["sqs"].delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
    return [json.loads(each["Body"]) for each in found]


def test_a_change_of_state_is_published_once_and_so_is_its_end(cloud: Cloud):
    sns, sqs, cloudwatch = cloud["sns"], cloud["sqs"], cloud["cloudwatch"]
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    told = {"AlarmActions": [topic], "OKActions": [topic]}
    cloudwatch.put_metric_alarm(AlarmName="told", **ALARM, **told)
    cloudwatch.put_metric_alarm(AlarmName="off", **ALARM, **told, ActionsEnabled=False)
    for state in ("ALARM", "ALARM", "INSUFFICIENT_DATA", "OK"):
        for name in ("told", "off"):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
    alarm, ok = messages(cloud, queue)
    assert alarm["Subject"].startswith('ALARM: "told" in ')
    assert ok["Subject"].startswith('OK: "told" in ')
    said = json.loads(alarm["Message"])
    assert (said["OldStateValue"], said["NewStateValue"], said["NewStateReason"]) == ("OK", "ALARM", "a test")
    assert (said["AlarmName"], said["AlarmDescription"]) == ("told", "No agent.")
    assert said["Trigger"]["Dimensions"] == [{"value": "c", "name": "ClusterName"}]

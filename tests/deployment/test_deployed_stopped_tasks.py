"""Tasks that stopped as none should are kept in a log group: ECS forgets them within the hour."""

import json

from patience import until


def test_what_stopped_of_this_clusters_tasks_is_kept_and_of_no_others(environment):
    rule = environment["events"].describe_rule(Name=f"{environment.title}-stopped-tasks")
    detail = json.loads(rule["EventPattern"])["detail"]
    assert detail["clusterArn"] == [environment.arn("ecs", f"cluster/{environment.title}")]
    targets = environment["events"].list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert [each["Arn"] for each in targets] == [environment.arn("logs", f"log-group:{environment.path}/stopped-tasks")]


def test_the_tasks_that_could_not_start_are_there(environment):
    """The agents' image was never pushed."""
    group = f"{environment.path}/stopped-tasks"
    events = until(lambda: environment["logs"].filter_log_events(logGroupName=group)["events"])
    stopped = [json.loads(event["message"])["detail"] for event in events]
    assert {detail["stopCode"] for detail in stopped} == {"TaskFailedToStart"}
    assert {detail["clusterArn"] for detail in stopped} == {environment.arn("ecs", f"cluster/{environment.title}")}

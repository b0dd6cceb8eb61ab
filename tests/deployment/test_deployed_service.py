"""The agent's service and its scaling, as ECS and Application Auto Scaling describe them."""

from patience import eventually


def test_the_agent_has_no_public_address_and_no_shell(environment):
    assert environment.service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    assert not environment.service.get("enableExecuteCommand")


def test_a_rollout_replaces_all_and_a_failed_one_is_rolled_back(environment):
    configuration = environment.service["deploymentConfiguration"]
    assert (configuration["minimumHealthyPercent"], configuration["maximumPercent"]) == (100, 200)
    assert configuration["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}


def test_an_image_that_was_never_pushed_starts_three_times_and_no_more(environment):
    @eventually
    def rollout_has_failed():
        found = environment["ecs"].describe_services(cluster=environment.title, services=[f"{environment.title}-agent"])
        assert [each["rolloutState"] for each in found["services"][0]["deployments"]] == ["FAILED"]

    rollout_has_failed()
    stopped = environment["ecs"].list_tasks(cluster=environment.title, desiredStatus="STOPPED")["taskArns"]
    tasks = environment["ecs"].describe_tasks(cluster=environment.title, tasks=stopped)["tasks"]
    assert len(tasks) == 3
    assert all("CannotPullContainerError" in task["stoppedReason"] for task in tasks)


def test_the_cluster_has_insights_and_both_kinds_of_fargate(environment):
    (cluster,) = environment["ecs"].describe_clusters(clusters=[environment.title], include=["SETTINGS"])["clusters"]
    assert {"name": "containerInsights", "value": "enabled"} in cluster["settings"]
    assert set(cluster["capacityProviders"]) == {"FARGATE", "FARGATE_SPOT"}


def test_the_agent_scales_from_one_to_ten_tasks(environment):
    scaling, of_agent = environment["application-autoscaling"], f"service/{environment.title}/{environment.title}-agent"
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[of_agent])["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 10)
    assert target["ScalableDimension"] == "ecs:service:DesiredCount"


def test_it_scales_on_its_average_cpu(environment):
    scaling, of_agent = environment["application-autoscaling"], f"service/{environment.title}/{environment.title}-agent"
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=of_agent)["ScalingPolicies"]
    assert policy["PolicyType"] == "TargetTrackingScaling"
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["PredefinedMetricSpecification"] == {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    assert (tracking["TargetValue"], tracking["ScaleOutCooldown"], tracking["ScaleInCooldown"]) == (45, 60, 300)

"""The embedded AWS answers as AWS does where moto would make Terraform plan for ever, and records who called what."""

import json

import pytest
from botocore.exceptions import ClientError
from embedded_aws import ACCOUNT_ID, REGION
from embedded_cloud import CLUSTER, Cloud
from patience import until


def test_a_service_keeps_what_moto_forgets(cloud: Cloud):
    kept = {
        "deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 50},
        "enableECSManagedTags": True,
        "availabilityZoneRebalancing": "ENABLED",
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
    }
    cloud["ecs"].create_service(
        cluster=CLUSTER,
        serviceName="kept",
        taskDefinition=cloud.define("true"),
        desiredCount=0,
        networkConfiguration=cloud.network,
        **kept,
    )
    found = cloud["ecs"].describe_services(cluster=CLUSTER, services=["kept"])["services"][0]
    assert {name: found[name] for name in kept} == kept
    assert "launchType" not in found


def test_a_task_gets_the_tags_of_its_definition_when_asked_to_propagate_them(cloud: Cloud):
    definition = cloud.define("true")
    cloud["ecs"].tag_resource(resourceArn=definition, tags=[{"key": "owner", "value": "data-platform"}])
    task = cloud.finish(definition, propagateTags="TASK_DEFINITION", tags=[{"key": "own", "value": "1"}])
    assert {tag["key"]: tag["value"] for tag in task["tags"]} == {"own": "1", "owner": "data-platform"}


def test_a_deleted_cluster_is_not_listed(cloud: Cloud):
    arn = cloud["ecs"].create_cluster(clusterName="gone")["cluster"]["clusterArn"]
    cloud["ecs"].delete_cluster(cluster="gone")
    assert arn not in cloud["ecs"].list_clusters()["clusterArns"]


def test_a_scalable_target_keeps_its_tags(cloud: Cloud):
    scaling = cloud["application-autoscaling"]
    definition = cloud.define("true")
    network = cloud.network
    cloud["ecs"].create_service(
        cluster=CLUSTER, serviceName="scaled", taskDefinition=definition, desiredCount=0, networkConfiguration=network
    )
    answer = scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{CLUSTER}/scaled",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=2,
        Tags={"owner": "data-platform"},
    )
    arn = answer["ScalableTargetARN"]
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"owner": "data-platform"}
    scaling.tag_resource(ResourceARN=arn, Tags={"service": "data-flows"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["owner"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"service": "data-flows"}


def test_a_network_acl_keeps_the_icmp_type_of_a_rule(cloud: Cloud):
    ec2 = cloud["ec2"]
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"RuleNumber": 200, "Protocol": "1", "RuleAction": "allow", "Egress": True, "CidrBlock": "0.0.0.0/0"}
    ec2.create_network_acl_entry(NetworkAclId=acl, IcmpTypeCode={"Type": 3, "Code": 4}, **rule)
    entries = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]["Entries"]
    assert [entry["IcmpTypeCode"] for entry in entries if entry["RuleNumber"] == 200] == [{"Type": 3, "Code": 4}]


def test_a_rule_that_names_a_group_keeps_its_description(cloud: Cloud):
    ec2 = cloud["ec2"]
    vpc = ec2.create_vpc(CidrBlock="10.78.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="named", Description="named", VpcId=vpc)["GroupId"]
    source = {"GroupId": group, "Description": "HTTPS from tasks"}
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [source]}
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])["SecurityGroupRules"][0]
    found = ec2.describe_security_group_rules(SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])
    assert found["SecurityGroupRules"][0]["Description"] == "HTTPS from tasks"


def test_a_nat_gateway_has_an_interface_of_its_kind_as_long_as_it_lives(cloud: Cloud):
    ec2 = cloud["ec2"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=cloud.subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]

    def interfaces():
        found = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [cloud.subnet]}])
        return [each for each in found["NetworkInterfaces"] if each["InterfaceType"] == "nat_gateway"]

    assert len(interfaces()) == 1
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert interfaces() == []


def test_a_deleted_vpc_takes_its_network_acl_along(cloud: Cloud):
    ec2 = cloud["ec2"]
    vpc = ec2.create_vpc(CidrBlock="10.78.0.0/16")["Vpc"]["VpcId"]
    acls = {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}
    assert len(ec2.describe_network_acls(**acls)["NetworkAcls"]) == 1
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_network_acls(**acls)["NetworkAcls"] == []


def test_a_queue_returns_its_redrive_policy_as_it_was_sent(cloud: Cloud):
    cloud["sqs"].create_queue(QueueName="dead")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dead"
    sent = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5}, separators=(",", ":"))
    url = cloud["sqs"].create_queue(QueueName="alive", Attributes={"RedrivePolicy": sent})["QueueUrl"]
    found = cloud["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["RedrivePolicy"] == sent


def test_a_queue_keeps_its_policy_when_another_attribute_is_set(cloud: Cloud):
    url = cloud["sqs"].create_queue(QueueName="guarded")["QueueUrl"]
    sender = {"Service": "events.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": sender, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud["sqs"].set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    cloud["sqs"].set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    found = cloud["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (found["Policy"], found["VisibilityTimeout"]) == (policy, "60")


def test_a_role_that_does_not_exist_cannot_be_assumed(cloud: Cloud):
    with pytest.raises(ClientError) as refusal:
        cloud["sts"].assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/absent", RoleSessionName="test")
    assert refusal.value.response["Error"]["Code"] == "AccessDenied"


def test_an_event_reaches_its_queue_although_another_rule_cannot_be_served(cloud: Cloud):
    events, sqs = cloud["events"], cloud["sqs"]
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    for name, arn in (("a-broken", f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:absent"), ("b-sound", "heard")):
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["test.rules"]}))
        target = arn if arn.startswith("arn:") else f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{arn}"
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": target}])
    events.put_events(Entries=[{"Source": "test.rules", "DetailType": "test", "Detail": "{}"}])
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_calls_are_recorded_by_service_action_and_resource_without_any_value(cloud: Cloud):
    cloud["ssm"].put_parameter(Name="/Test/RECORDED", Value="never-in-the-calls", Type="SecureString")
    s3 = cloud["s3"]
    s3.create_bucket(Bucket="recorded-calls", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="recorded-calls", Key="a/b.txt", Body=b"never-in-the-calls")
    s3.list_objects_v2(Bucket="recorded-calls")
    with pytest.raises(ClientError):
        s3.get_object(Bucket="recorded-calls", Key="absent")
    fields = ("service", "action", "resource", "role", "status")
    found = {tuple(call[field] for field in fields) for call in cloud.calls()}
    assert found >= {
        ("ssm", "PutParameter", "/Test/RECORDED", "administrator", 200),
        ("s3", "CreateBucket", "recorded-calls", "administrator", 200),
        ("s3", "PutObject", "recorded-calls/a/b.txt", "administrator", 200),
        ("s3", "ListObjectsV2", "recorded-calls", "administrator", 200),
        ("s3", "GetObject", "recorded-calls/absent", "administrator", 404),
    }
    assert "never-in-the-calls" not in cloud.settings.calls.read_text()


def test_a_rule_looks_into_every_container_and_its_log_group_keeps_the_event(cloud: Cloud):
    """In moto a pattern's path ends at a list, so no rule could ask for an exit code."""
    group = "/DataFlows/Test/stopped"
    cloud["logs"].create_log_group(logGroupName=group)
    detail = {"lastStatus": ["STOPPED"], "containers": {"exitCode": [{"anything-but": [0]}]}}
    cloud["events"].put_rule(Name="stopped", EventPattern=json.dumps({"source": ["aws.ecs"], "detail": detail}))
    target = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{group}"
    cloud["events"].put_targets(Rule="stopped", Targets=[{"Id": "logs", "Arn": target}])
    cloud.finish(cloud.define("true"))
    failed = cloud.finish(cloud.define("sh", "-c", "exit 3"))
    messages = until(lambda: cloud["logs"].filter_log_events(logGroupName=group)["events"], bool)
    (event,) = [json.loads(message["message"]) for message in messages]
    assert event["detail"]["taskArn"] == failed["taskArn"]
    assert event["detail"]["containers"][0]["exitCode"] == 3


def test_a_bucket_that_denies_requests_without_tls_or_with_another_encryption_takes_the_others(cloud: Cloud):
    """moto takes conditions that it does not know as met: each of these would deny everything."""
    bucket = "guarded-objects"
    cloud["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    header = "s3:x-amz-server-side-encryption"
    statements = [
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}, "Action": "s3:*"},
        {"Condition": {"Null": {header: "false"}, "StringNotEquals": {header: "aws:kms"}}, "Action": "s3:PutObject"},
    ]
    denial = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = {"Version": "2012-10-17", "Statement": [denial | statement for statement in statements]}
    cloud["s3"].put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    cloud["s3"].put_object(Bucket=bucket, Key="a", Body=b"1")
    assert cloud["s3"].get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"

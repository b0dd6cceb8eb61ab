"""A call whose answer was lost is answered again as before, and done once."""

from collections import Counter

import httpx
import pytest
from botocore.exceptions import ClientError
from embedded_cloud import Cloud

from scripts.local_stack.aws.retries import Retries


def ask(application, call, attempt):
    """What a WSGI application answers to one attempt of a call."""
    started = []
    environ = {"HTTP_AMZ_SDK_INVOCATION_ID": call, "HTTP_AMZ_SDK_REQUEST": f"attempt={attempt}; max=3"}
    body = b"".join(application(environ, lambda *answer: started.append(answer)))
    return started[0][0], body


@pytest.fixture
def counting():
    """(an application that counts how often it did each call, the counts)."""
    done = Counter()

    def application(environ, start_response):
        done[environ["HTTP_AMZ_SDK_INVOCATION_ID"]] += 1
        status = "500 broken" if environ["HTTP_AMZ_SDK_INVOCATION_ID"] == "broken" else "200 OK"
        body = f"answer {done.total()}".encode()
        start_response(status, [("Content-Length", str(len(body)))])
        return [body]

    return Retries().wrap(application), done


def test_a_repeated_call_is_done_once_and_answered_twice(counting):
    application, done = counting
    assert ask(application, "a", 1) == ask(application, "a", 2) == ("200 OK", b"answer 1")
    assert done == {"a": 1}


def test_another_call_is_another(counting):
    application, done = counting
    assert ask(application, "a", 1) != ask(application, "b", 1)
    assert done == {"a": 1, "b": 1}


def test_what_failed_or_never_arrived_is_done_when_it_is_repeated(counting):
    application, done = counting
    ask(application, "broken", 1)
    ask(application, "broken", 2)
    ask(application, "lost", 2)
    assert done == {"broken": 2, "lost": 1}


def test_the_embedded_aws_makes_an_acls_rule_once(cloud: Cloud):
    ec2 = cloud["ec2"]
    vpc = ec2.create_vpc(CidrBlock="10.79.0.0/16")["Vpc"]["VpcId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"NetworkAclId": acl, "RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    wire = {"Action": "CreateNetworkAclEntry", "Version": "2016-11-15", "Egress": "true", **rule}

    def send(attempt):
        headers = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/ec2/aws4_request",
            "amz-sdk-invocation-id": "the-same",
            "amz-sdk-request": f"attempt={attempt}; max=3",
        }
        return httpx.post(cloud.settings.aws_endpoint_url, data=wire, headers=headers, trust_env=False).status_code

    assert (send(1), send(2)) == (200, 200)
    with pytest.raises(ClientError, match="NetworkAclEntryAlreadyExists"):
        ec2.create_network_acl_entry(Egress=True, **rule)

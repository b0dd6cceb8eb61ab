"""A plan shows every policy and container definition in full: none waits for the apply."""

import copy
import json

import pytest
from fixture_repository import ENVIRONMENTS
from known_documents import types_with_documents, unknown_documents

from scripts.gate.reading.plan import Plan


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def data(request, offline_plan):
    return json.loads((offline_plan(request.param) / "plan.json").read_text())


def test_no_document_is_unknown(data):
    assert unknown_documents(Plan(data)) == []


def test_roles_tasks_queues_buckets_keys_and_endpoints_have_one(data):
    assert types_with_documents(Plan(data)) >= {
        *("aws_iam_role", "aws_iam_role_policy", "aws_iam_policy", "aws_ecs_task_definition"),
        *("aws_sqs_queue_policy", "aws_sqs_queue_redrive_policy", "aws_s3_bucket_policy", "aws_kms_key"),
        *("aws_vpc_endpoint", "aws_cloudwatch_event_rule"),
    }


def test_one_that_is_unknown_is_listed_with_its_address(data):
    mutated = copy.deepcopy(data)
    address = "module.ecs_agent.aws_sqs_queue_policy.task_events"
    change = next(each["change"] for each in mutated["resource_changes"] if each["address"] == address)
    del change["after"]["policy"]
    change["after_unknown"]["policy"] = True
    assert unknown_documents(Plan(mutated)) == [f"{address}: policy is unknown until apply because of local.context"]

"""A deployment is bound to the task definition of its flow's file, by a name that no release changes."""

from dataclasses import replace

from repositories import TEMPLATE

from scripts.registration import checks
from scripts.registration.deployments import FROM_CODE, deployment
from scripts.registration.stack import Stack

IMPORTED = dict.fromkeys(FROM_CODE) | {
    "name": "daily",
    "flow_name": "load",
    "file": "flows/orders/load.py",
    "tags": ["owner:a"],
    "job_variables": {"cpu": 512},
    "schedules": [],
    "paused": False,
}
DECLARED = {"orders/load": {"definition": "flow-orders-load", "secrets": [], "permissions": []}}
STACK = Stack("Test", "Test", TEMPLATE, "digest commit", declared=DECLARED)


def test_it_names_the_definition_of_its_file_beside_its_own_job_variables():
    assert deployment(IMPORTED, STACK).fields["job_variables"] == {"cpu": 512, "definition": "flow-orders-load"}


def test_one_whose_file_declares_nothing_names_none_so_that_it_is_as_it_was():
    assert deployment(IMPORTED | {"file": "flows/load.py"}, STACK).fields["job_variables"] == {"cpu": 512}


def test_another_arn_in_the_work_pool_is_no_change_of_a_deployment():
    released = replace(STACK, template={"task_definitions": {"flow-orders-load": "arn:2"}}, version="another image")
    assert deployment(IMPORTED, released).digest_tag == deployment(IMPORTED, STACK).digest_tag


def test_a_file_does_not_choose_its_definition():
    given = IMPORTED | {"line": 7, "work_queue_name": None, "job_variables": {"definition": "flow-other"}}
    assert list(checks.problems([given], TEMPLATE, {"default"}, "Test")) == [
        "flows/orders/load.py:7: deployment daily: got job variable definition; expected none: what the file declares "
        "decides (docs/writing-flows.md)."
    ]

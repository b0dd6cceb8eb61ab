"""A delivery goes through each of its stages, from the environment's own source."""

import copy

import pytest
from plan_builder import VARIABLES, find, plan_data, resource

from scripts.gate.reading.plan import Plan
from scripts.gate.rules import known_pipeline

DELIVERY = {
    "connection_arn": "arn:aws:codeconnections:eu-west-1:123456789012:connection/1",
    "repository": "example/flows",
}
PIPELINE = "module.delivery[0].aws_codepipeline.delivery"


def stages(approval=True):
    """What Terraform plans, with what AWS fills in."""
    found = known_pipeline._stages(plan(approval))
    for stage in found:
        stage["action"][0] |= {"region": "eu-west-1", "run_order": 1, "timeout_in_minutes": 0, "role_arn": None}
    return copy.deepcopy(found)


def plan(approval=True):
    return Plan(plan_data(variables=variables(approval)))


def variables(approval):
    return VARIABLES | {"delivery": DELIVERY | ({} if approval else {"approval": False})}


def check(planned, approval=True, **unknown):
    pipeline = resource(PIPELINE, {"stage": planned}, **unknown)
    return find(known_pipeline.check, pipeline, variables=variables(approval))


@pytest.mark.parametrize("approval", [True, False])
def test_the_known_way_passes(approval):
    assert check(stages(approval), approval) == []


def test_the_words_to_who_approves_are_free():
    planned = stages()
    planned[2]["action"][0]["configuration"]["CustomData"] = "Read the report."
    assert check(planned) == []


def test_a_pipeline_without_its_approval_is_named():
    (found,) = check(stages(approval=False), approval=True)
    assert found.got == "the stages Source → Plan → Apply → Register"
    assert found.expected == "Source → Plan → Approve → Apply → Register"


def test_stages_in_another_order_are_named():
    (found,) = check(list(reversed(stages())))
    assert found.got.startswith("the stages Register")


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        (0, {"configuration": {"BranchName": "feature"}}),
        (0, {"configuration": None}),
        (0, {"provider": "S3"}),
        (1, {"region": "us-east-1"}),
        (1, {"role_arn": "arn:aws:iam::999999999999:role/x"}),
        (3, {"input_artifacts": ["source"]}),
        (4, {"namespace": "x"}),
    ],
)
def test_another_action_is_named(stage, change):
    planned = stages()
    planned[stage]["action"][0] |= change
    (found,) = check(planned)
    assert (found.address, found.got[:6]) == (PIPELINE, "stage ")


def test_stages_that_are_unknown_are_named():
    (found,) = check(None, unknown={"stage": True})
    assert found.got == "stage unknown until apply"

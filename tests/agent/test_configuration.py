"""A run starts from the task definition that its deployment names, of those that its pool was registered with."""

import asyncio

import pytest
from prefect.client.orchestration import get_client

from scripts.agent.configuration import Configuration
from scripts.agent.worker import Agent

REQUEST = {"taskDefinition": "arn:common:7"}
BEFORE = {"variables": {"properties": {}}, "job_configuration": {"task_run_request": REQUEST}}
VARIABLE = {"definition": {"type": "string", "default": "flow", "enum": ["flow", "flow-orders-load"]}}
NOW = {
    "variables": {"properties": VARIABLE},
    "job_configuration": {
        "task_run_request": REQUEST,
        "definition": "{{ definition }}",
        "task_definitions": {"flow": "arn:common:7", "flow-orders-load": "arn:load:3"},
    },
}


def started(template, **variables):
    """The task definition that a run is started from."""

    async def configure():
        async with get_client() as client:
            return await Agent.job_configuration.from_template_and_values(template, variables, client=client)

    return asyncio.run(configure()).task_run_request["taskDefinition"]


@pytest.mark.parametrize(
    ("template", "variables", "arn"),
    [
        (NOW, {}, "arn:common:7"),
        (NOW, {"definition": "flow-orders-load"}, "arn:load:3"),
        (BEFORE, {}, "arn:common:7"),
    ],
)
def test_a_run_starts_from_the_definition_that_its_deployment_names(prefect_server, template, variables, arn):
    assert Agent.job_configuration is Configuration
    assert started(template, **variables) == arn


def test_a_definition_that_the_pool_does_not_have_starts_nothing(prefect_server):
    said = "got the task definition flow-shop; expected one of flow, flow-orders-load: register again"
    with pytest.raises(ValueError, match=said):
        started(NOW, definition="flow-shop")

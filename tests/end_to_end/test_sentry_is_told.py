"""The task that the agent starts tells Sentry of a flow that knows nothing of it."""

from patience import until
from sentry_receiver import receiving


def test_the_exception_of_a_run_arrives_with_its_release_and_its_owner(stack, up):
    deployment = stack.deployments()["fixture_fault/sentry"]
    with receiving() as sentry:
        run = stack.prefect(
            "POST",
            f"/deployments/{deployment['id']}/create_flow_run",
            parameters={"error": "got Jane Doe"},
            # In an environment, a parameter of SSM: a team's facts choose whether there is one.
            job_variables={"env": {"SENTRY_DSN": sentry.dsn}},
            state={"type": "SCHEDULED"},
        )
        event = until(lambda: next(iter(sentry.events), None))
        (body,) = sentry.bodies
    digest = stack.plan["variables"]["image_digest"]["value"]
    assert (event["release"], event["environment"]) == (digest, stack.environment.facts["environment"])
    assert event["tags"] == {
        "flow": "fixture_fault",
        "deployment": "sentry",
        "flow_run_id": run["id"],
        "flow_run_name": run["name"],
        "flow_run_url": f"{stack.settings.prefect_url}/runs/flow-run/{run['id']}",
        "owner": "tests",
    }
    assert event["exception"]["values"][-1]["type"] == "ValueError"
    assert b"Jane" not in body
    assert until(lambda: stack.prefect("GET", f"/flow_runs/{run['id']}")["state_name"]) == "Failed"

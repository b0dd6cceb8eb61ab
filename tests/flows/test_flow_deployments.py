"""Every flow file says how it is deployed, needs nothing to be imported, and imports nothing slow."""

import json
import subprocess
import sys

import pytest

from flows.flights_to_warehouse import deployments as loading
from flows.warehouse_to_s3 import deployments as exporting

SLOW = ["boto3", "cryptography", "pandera", "polars", "pyarrow", "snowflake.connector"]


@pytest.mark.parametrize(("deployments", "name"), [(loading, "hourly"), (exporting, "daily")])
def test_a_deployment_has_owner_description_and_a_schedule_with_a_time_zone(deployments, name):
    [deployment] = deployments
    assert deployment.name == name
    assert deployment.description
    assert "owner:data-platform" in deployment.tags
    [schedule] = deployment.schedules
    assert schedule.schedule.timezone
    assert deployment.job_variables == {}


def test_parameters_out_of_range_are_refused_when_a_run_is_made():
    properties = loading[0]._parameter_openapi_schema.properties
    assert (properties["max_rejected_percent"]["minimum"], properties["max_rejected_percent"]["maximum"]) == (0, 100)


def test_importing_a_flow_needs_no_variable_and_loads_nothing_slow():
    code = "import sys, json, flows.flights_to_warehouse, flows.warehouse_to_s3; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert set(SLOW) & set(json.loads(done.stdout)) == set()

"""The two flows are loaded before they are exported, and take only parameters that make sense."""

from flows.examples.flights import flights_to_warehouse, warehouse_to_s3


def test_the_export_runs_after_the_load_in_make_up():
    orders = [
        [tag for tag in deployment.tags if tag.startswith("run:up")]
        for deployment in (*flights_to_warehouse.deployments, *warehouse_to_s3.deployments)
    ]
    assert orders == [["run:up:1"], ["run:up:2"]]


def test_parameters_out_of_range_are_refused_when_a_run_is_made():
    [deployment] = flights_to_warehouse.deployments
    share = deployment._parameter_openapi_schema.properties["max_rejected_percent"]
    assert (share["minimum"], share["maximum"]) == (0, 100)

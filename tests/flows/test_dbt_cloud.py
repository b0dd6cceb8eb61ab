"""A job of dbt Cloud is run once for each call of a flow run, whatever fails on the way, and its end is told truly."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from embedded_dbt_cloud import ACCOUNT_ID, EmbeddedDbtCloud
from patience import until
from prefect import flow

from flows.shared import dbt_cloud, dbt_cloud_api
from flows.shared.dbt_cloud import DbtJobError, DbtJobRunningError, run_job
from flows.shared.dbt_cloud_api import DbtCloudError, _pause

pytestmark = pytest.mark.usefixtures("prefect_server")


def run(*jobs, retries=0, **options):
    """Results of the jobs, called one after the other by one flow run."""

    @flow(name="built", retries=retries)
    def built():
        return [run_job(job, poll_seconds=0.1, **options) for job in jobs]

    return built()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nobody waits between attempts, but as long as dbt Cloud asks for."""
    monkeypatch.setattr(dbt_cloud_api, "BACKOFF", lambda _: 0.05)


def figures(capfd):
    """The last metrics line."""
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    return {name: value for name, value in lines[-1].items() if name[:6] in ("Models", "TestsP", "TestsF", "TestsS")}


def make_prices(world):
    """What the job `broken` waits for."""
    world.query("CREATE SCHEMA IF NOT EXISTS SHOP")
    world.query("CREATE TABLE SHOP.PRICES AS SELECT 'pen' AS ITEM, 2 AS PRICE")


def test_a_job_is_run_by_its_name_and_its_figures_are_reported(dbt, world, capfd):
    [result] = run("orders")
    assert result.href == f"{dbt.address}/deploy/{ACCOUNT_ID}/projects/1/runs/{result.run_id}/"
    assert (result.figures.models_run, result.figures.tests_passed) == (2, 1)
    assert figures(capfd) == {"ModelsRun": 2, "ModelsSkipped": 0, "ModelsFailed": 0} | {
        "TestsPassed": 1, "TestsSkipped": 0, "TestsFailed": 0,
    }  # fmt: skip
    assert world.query("SELECT ORDERS FROM MARTS.REVENUE") == [(3,)]
    [known] = dbt.runs("orders")[-1:]
    assert known["trigger"]["cause"].startswith("Prefect flow built, run ")


def test_a_job_is_run_by_its_id(dbt):
    [result] = run(dbt.job("orders"))
    assert result.run_id == dbt.runs("orders")[-1]["id"]


def test_two_calls_of_a_flow_run_are_two_runs(dbt):
    first, second = run("orders", "orders")
    assert first.run_id < second.run_id


def test_a_failed_job_is_told_with_step_model_message_and_address(dbt, capfd):
    with pytest.raises(DbtJobError) as error:
        run("broken")
    message, known = str(error.value), dbt.runs("broken")[-1]
    assert message.startswith(
        f"dbt Cloud job broken (id {dbt.job('broken')}): run {known['id']} failed in step 4, "
        "Invoke dbt with `dbt build`: model prices: Database Error in model prices (models/prices.sql) "
    )
    assert message.endswith(f"; 1 skipped; expected success; look at {known['href']}.")
    assert figures(capfd)["ModelsFailed"] == 1


def test_a_failed_test_is_told_with_how_many_rows_it_found(dbt, capfd):
    with pytest.raises(DbtJobError, match="test amounts_are_positive: Got 2 results, configured to fail if != 0; 1 sk"):
        run("doubtful")
    assert figures(capfd) == {"ModelsRun": 1, "ModelsSkipped": 1, "ModelsFailed": 0} | {
        "TestsPassed": 0, "TestsSkipped": 0, "TestsFailed": 1,
    }  # fmt: skip


def test_a_job_without_results_is_told_by_the_end_of_its_log(dbt):
    with pytest.raises(DbtJobError, match=r"Encountered an error: Compilation Error in model orphan .*'nobody'"):
        run("uncompiled")


def test_a_failed_job_is_not_triggered_again_by_itself(dbt):
    before = len(dbt.runs("broken"))
    with pytest.raises(DbtJobError):
        run("broken")
    assert len(dbt.runs("broken")) == before + 1


def test_by_choice_a_failed_job_goes_on_from_where_it_failed(dbt, world, monkeypatch):
    retry = dbt_cloud_api.DbtCloud.retry

    def mended(self, failed):
        make_prices(world)
        return retry(self, failed)

    monkeypatch.setattr(dbt_cloud_api.DbtCloud, "retry", mended)
    [result] = run("broken", retries_from_failure=1)
    first, second = dbt.runs("broken")[-2:]
    assert (second["id"], second["retrying_run_id"]) == (result.run_id, first["id"])
    assert result.figures.models_run == 2  # Not the one that was built before.


def test_a_retry_whose_answer_is_lost_is_found(dbt):
    before = len(dbt.runs("broken"))
    dbt.faults({"match": "POST .*/retry/", "drop": True, "after": True})
    with pytest.raises(DbtJobError):
        run("broken", retries_from_failure=1)
    assert len(dbt.runs("broken")) == before + 2


def test_a_trigger_whose_answer_is_lost_is_found_by_its_cause(dbt):
    before = len(dbt.runs("orders"))
    dbt.faults({"match": "POST .*/run/", "drop": True, "after": True})
    [result] = run("orders")
    assert [each["id"] for each in dbt.runs("orders")[before:]] == [result.run_id]


def test_a_trigger_that_never_arrived_is_made_again(dbt):
    before = len(dbt.runs("orders"))
    dbt.faults({"match": "POST .*/run/", "drop": True}, {"match": "POST .*/run/", "status": 502})
    run("orders")
    assert len(dbt.runs("orders")) == before + 1


def test_a_run_that_is_unknown_at_first_is_waited_for(dbt):
    dbt.faults({"match": r"GET .*/runs/\d+/\?", "status": 404, "times": 3})
    assert run("orders")


def test_a_run_that_stays_unknown_is_told(dbt, monkeypatch):
    monkeypatch.setattr(dbt_cloud, "UNKNOWN_SECONDS", 0.2)
    dbt.faults({"match": r"GET .*/runs/\d+/\?", "status": 404, "times": 1000})
    with pytest.raises(DbtCloudError, match=r"got no answer but 404 for its run .*; see whether it was deleted"):
        run("orders")


def test_errors_of_the_server_dropped_connections_and_time_outs_pass(dbt, monkeypatch):
    monkeypatch.setattr(dbt_cloud_api, "TIMEOUT", httpx.Timeout(5))
    dbt.faults(
        {"match": "jobs/", "status": 500, "times": 2},
        {"match": "GET .*/runs/", "drop": True, "times": 2},
        {"match": "GET .*/runs/", "seconds": 6},
        {"match": "run_results.json", "status": 503},
    )
    assert run("orders")


def test_a_throttled_call_is_made_again_when_dbt_cloud_says(dbt, monkeypatch):
    pauses = []
    monkeypatch.setattr(dbt_cloud_api, "_pause", lambda state: pauses.append(_pause(state)) or 0)
    dbt.faults({"match": "jobs/", "status": 429, "retry_after": "7"}, {"match": "jobs/", "status": 429})
    run("orders")
    assert pauses == [7, 0.05]


def test_what_does_not_pass_ends_within_a_bound(dbt, monkeypatch):
    monkeypatch.setattr(dbt_cloud_api, "PATIENCE_SECONDS", 0.3)
    dbt.faults({"match": "jobs/", "status": 503, "times": 1000})
    with pytest.raises(DbtCloudError, match=r"got 503 .*; expected an answer"):
        run("orders")


def test_a_job_that_others_have_started_is_waited_for_and_then_run(dbt):
    job = dbt.job("orders")
    dbt.control(f"jobs/{job}", {"seconds": 1})
    other = dbt.post(f"jobs/{job}/run/", cause="somebody else")["id"]
    [result] = run("orders")
    assert dbt.get(f"runs/{other}/")["is_success"]
    assert result.run_id > other


def test_by_choice_the_run_of_others_is_joined(dbt):
    job = dbt.job("orders")
    dbt.control(f"jobs/{job}", {"seconds": 1})
    other = dbt.post(f"jobs/{job}/run/", cause="somebody else")["id"]
    [result] = run("orders", when_running="join")
    assert result.run_id == other == dbt.runs("orders")[-1]["id"]


def test_by_choice_a_job_that_runs_is_refused(dbt):
    job = dbt.job("orders")
    dbt.control(f"jobs/{job}", {"seconds": 600})
    other = dbt.post(f"jobs/{job}/run/", cause="somebody else")["id"]
    with pytest.raises(DbtJobRunningError, match=rf"got run {other}, .* \(somebody else\); expected none under way"):
        run("orders", when_running="refuse")
    dbt.post(f"runs/{other}/cancel/")
    dbt.ended(other)


def test_a_run_that_is_cancelled_in_dbt_cloud_fails_and_says_so(dbt, monkeypatch):
    job = dbt.job("orders")
    dbt.control(f"jobs/{job}", {"seconds": 600})
    trigger = dbt_cloud_api.DbtCloud.trigger

    def cancelled(self, *args):
        run = trigger(self, *args)
        dbt.post(f"runs/{run.id}/cancel/")
        return run

    monkeypatch.setattr(dbt_cloud_api.DbtCloud, "trigger", cancelled)
    with pytest.raises(DbtJobError, match=r"run \d+ was cancelled in dbt Cloud; expected success; look at http"):
        run("orders", retries_from_failure=3)


def test_a_flow_that_is_retried_waits_for_the_run_that_goes_on(dbt, monkeypatch):
    before, follow, failures = len(dbt.runs("orders")), dbt_cloud._follow, []

    def broken_once(*args):
        if not failures:
            failures.append(1)
            raise RuntimeError("the machine died")
        return follow(*args)

    monkeypatch.setattr(dbt_cloud, "_follow", broken_once)
    [result] = run("orders", retries=1)
    assert failures
    assert [each["id"] for each in dbt.runs("orders")[before:]] == [result.run_id]


def test_a_flow_that_is_retried_after_a_failed_run_starts_another(dbt):
    before = len(dbt.runs("broken"))
    with pytest.raises(DbtJobError):
        run("broken", retries=1)
    causes = [each["trigger"]["cause"] for each in dbt.runs("broken")[before:]]
    assert [cause.rpartition(", ")[2] for cause in causes] == ["attempt 1", "attempt 2"]


KILLED = """
from prefect import flow
from flows.shared.dbt_cloud import run_job

@flow(name="killed")
def killed():
    run_job("orders", poll_seconds=0.1)

killed()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_flow_run_that_is_stopped_cancels_its_run_in_dbt_cloud(dbt: EmbeddedDbtCloud, number):
    job, before = dbt.job("orders"), len(dbt.runs("orders"))
    dbt.control(f"jobs/{job}", {"seconds": 3600})
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", KILLED], env=os.environ, cwd=root) as process:
        until(
            lambda: [each for each in dbt.runs("orders")[before:] if each["status"] == 3] or process.poll() is not None
        )
        process.send_signal(number)
    [stopped] = dbt.runs("orders")[before:]
    assert dbt.ended(stopped["id"])["is_cancelled"]


def test_a_token_of_the_wrong_form_is_refused_before_anything_is_sent(dbt, monkeypatch):
    monkeypatch.setenv("DBT_CLOUD_TOKEN", "hunter2")
    with pytest.raises(
        dbt_cloud_api.DataFlowsError, match=r"^DBT_CLOUD_TOKEN: got a text that is no token of dbt Cloud"
    ):
        run("orders")


def test_a_token_that_dbt_cloud_refuses_is_told(dbt, monkeypatch):
    monkeypatch.setenv("DBT_CLOUD_TOKEN", "dbtc_" + "x" * 40)
    with pytest.raises(DbtCloudError, match=f"got 401, the token is refused; expected a token of account {ACCOUNT_ID}"):
        run("orders")


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        ("order", "dbt Cloud job order: got no job of that name in account 4711; expected orders"),
        ("12", "dbt Cloud job 12: got no such job in account 4711; expected one that the token may see"),
    ],
)
def test_an_unknown_job_is_told_with_those_that_are_like_it(dbt, job, problem):
    with pytest.raises(DbtCloudError, match=problem):
        run(job)


def test_a_deactivated_job_is_told(dbt):
    job = dbt.job("orders")
    dbt.control(f"jobs/{job}", {"deactivated": True})
    with pytest.raises(DbtCloudError, match=rf"orders \(id {job}\): got a job that is deactivated; expected an active"):
        run("orders")


def test_a_dbt_cloud_that_is_not_reachable_is_told(dbt, monkeypatch):
    monkeypatch.setattr(dbt_cloud_api, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setenv("DBT_CLOUD_HOST", "http://127.0.0.1:9")
    with pytest.raises(DbtCloudError, match=r"^dbt Cloud at http://127.0.0.1:9 is not reachable \(ConnectError: "):
        run("orders")


def test_an_account_that_has_moved_is_told_where_to(monkeypatch):
    answer = httpx.Response(
        301, headers={"Location": "https://ab123.us1.dbt.com/"}, request=httpx.Request("GET", "https://x/api")
    )  # fmt: skip
    for name, value in {"HOST": "cloud.getdbt.com", "ACCOUNT_ID": "1", "TOKEN": "dbtc_" + "x" * 40}.items():
        monkeypatch.setenv(f"DBT_CLOUD_{name}", value)
    with dbt_cloud_api.DbtCloud(dbt_cloud_api.DbtCloudSettings.load()) as dbt:
        told = str(dbt._refusal(answer))
    assert told.endswith("the account has moved to https://ab123.us1.dbt.com/; expected that host as DBT_CLOUD_HOST.")

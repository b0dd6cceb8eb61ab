"""The embedded dbt Cloud answers as dbt Cloud's documentation of its API version 2 says, and fails as it is asked."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
import snowflake.connector
from embedded_dbt_cloud import ACCOUNT_ID, EmbeddedDbtCloud, embedded_dbt_cloud
from embedded_snowflake import embedded_snowflake
from patience import PATIENCE_SECONDS, until

QUEUED, RUNNING, SUCCESS, ERROR, CANCELLED = 1, 3, 10, 20, 30


@pytest.fixture(scope="module")
def snowflake_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with embedded_snowflake(tmp_path_factory.mktemp("snow") / "log") as process:
        yield process.port


@pytest.fixture(scope="module")
def process(snowflake_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDbtCloud]:
    with embedded_dbt_cloud(snowflake_port, tmp_path_factory.mktemp("dbt") / "log") as process:
        yield process


@pytest.fixture
def dbt(process: EmbeddedDbtCloud, session) -> EmbeddedDbtCloud:
    """The account with nothing going wrong, and an empty database to build in."""
    process.use(session.connection.database)
    return process


@pytest.fixture
def session(snowflake_port: int):
    with snowflake.connector.connect(
        account="fakesnow", user="test", password="test", host="127.0.0.1", port=snowflake_port, protocol="http",  # noqa: S106
    ) as connection:  # fmt: skip
        cursor, name = connection.cursor(), f"T{uuid.uuid4().hex[:12]}".upper()
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"USE DATABASE {name}")
        yield cursor


def run(dbt: EmbeddedDbtCloud, job: str, cause: str = "a test"):
    """Run a job to its end."""
    return dbt.ended(dbt.post(f"jobs/{dbt.job(job)}/run/", cause=cause)["id"])


def results(dbt: EmbeddedDbtCloud, run: int, **params):
    """Node to status and message, of a run's run_results.json."""
    file = dbt.client.get(f"runs/{run}/artifacts/run_results.json", params=params).raise_for_status().json()
    return {each["unique_id"]: (each["status"], each["message"]) for each in file["results"]}


def test_a_run_that_is_triggered_is_queued_and_ends_with_its_models_built(dbt, session):
    answer = dbt.client.post(f"jobs/{dbt.job('orders')}/run/", json={"cause": "a test"})
    body = answer.json()
    assert (answer.status_code, body["status"]["code"], body["status"]["is_success"]) == (200, 200, True)
    assert body["data"]["status"] == QUEUED
    assert body["data"]["job_definition_id"] == dbt.job("orders")
    ended = dbt.ended(body["data"]["id"])
    assert (ended["status"], ended["status_humanized"], ended["is_success"]) == (SUCCESS, "Success", True)
    assert ended["href"].endswith(f"/runs/{ended['id']}/")
    assert session.execute("SELECT * FROM MARTS.REVENUE").fetchall()[0][0] == 3


def test_a_run_has_the_steps_that_dbt_cloud_shows_if_they_are_asked_for(dbt):
    ended = run(dbt, "orders")
    assert [(step["index"], step["name"], step["status"]) for step in ended["run_steps"]] == [
        (1, "Clone git repository", SUCCESS),
        (2, "Create profile from connection Snowflake", SUCCESS),
        (3, "Invoke dbt with `dbt deps`", SUCCESS),
        (4, "Invoke dbt with `dbt build`", SUCCESS),
    ]
    assert dbt.get(f"runs/{ended['id']}/")["run_steps"] == []


def test_run_results_are_as_dbt_writes_them(dbt):
    ended = run(dbt, "orders")
    assert dbt.get(f"runs/{ended['id']}/artifacts/") == ["run_results.json"]
    file = dbt.client.get(f"runs/{ended['id']}/artifacts/run_results.json").json()
    assert file["metadata"]["dbt_schema_version"].endswith("/run-results/v6.json")
    assert {"status", "timing", "thread_id", "execution_time", "adapter_response", "message", "failures"} | {
        *("unique_id", "compiled", "compiled_code", "relation_name")
    } == set(file["results"][0])
    # In the order of ref(), and the test last.
    assert [(each["unique_id"], each["status"]) for each in file["results"]] == [
        ("model.orders.paid_orders", "success"),
        ("model.orders.revenue", "success"),
        ("test.orders.revenue_is_positive", "pass"),
    ]


def test_only_the_step_that_ran_dbt_has_results(dbt):
    ended = run(dbt, "orders")
    assert len(results(dbt, ended["id"], step=4)) == 3
    assert dbt.client.get(f"runs/{ended['id']}/artifacts/run_results.json", params={"step": 1}).status_code == 404


def test_a_model_that_fails_ends_the_run_in_error_and_skips_what_reads_it(dbt):
    ended = run(dbt, "broken")
    assert (ended["status"], ended["is_error"]) == (ERROR, True)
    found = results(dbt, ended["id"])
    assert {node: status for node, (status, _) in found.items()} == {
        "model.broken.currencies": "success",
        "model.broken.prices": "error",
        "model.broken.cheapest": "skipped",
    }
    _, message = found["model.broken.prices"]
    assert message.startswith("Database Error in model prices (models/prices.sql)\n")
    assert "PRICES" in message.upper()


def test_a_test_that_finds_rows_fails_and_skips_what_reads_its_model(dbt):
    ended = run(dbt, "doubtful")
    assert ended["status"] == ERROR
    assert results(dbt, ended["id"]) == {
        "model.doubtful.amounts": ("success", "SUCCESS 1"),
        "test.doubtful.amounts_are_positive": ("fail", "Got 2 results, configured to fail if != 0"),
        "model.doubtful.total": ("skipped", None),
    }


def test_a_model_that_does_not_compile_ends_the_run_without_results(dbt):
    ended = run(dbt, "uncompiled")
    assert ended["status"] == ERROR
    assert (
        "Compilation Error in model orphan (models/orphan.sql): depends on a node named 'nobody'"
        in (ended["run_steps"][-1]["logs"])
    )
    assert dbt.client.get(f"runs/{ended['id']}/artifacts/run_results.json").status_code == 404


def test_a_view_becomes_a_table_and_a_table_a_view(dbt, session):
    session.execute("CREATE SCHEMA MARTS")
    session.execute("CREATE VIEW MARTS.REVENUE AS SELECT 1 AS N")
    session.execute("CREATE TABLE MARTS.PAID_ORDERS (N INT)")
    ended = run(dbt, "orders")
    assert ended["status"] == SUCCESS, ended["run_steps"][-1]["logs"]


def test_runs_of_a_job_follow_one_another_and_a_queued_one_can_be_cancelled(dbt):
    job = dbt.job("orders")
    dbt.control(f"jobs/{job}", {"seconds": 600})
    first, second = (dbt.post(f"jobs/{job}/run/", cause=name)["id"] for name in ("first", "second"))
    until(lambda: dbt.get(f"runs/{first}/")["status"] == RUNNING)
    assert dbt.get(f"runs/{second}/")["status"] == QUEUED
    for each in (second, first):
        dbt.post(f"runs/{each}/cancel/")
        ended = dbt.ended(each)
        assert (ended["status"], ended["is_cancelled"]) == (CANCELLED, True)
    dbt.control(f"jobs/{job}", {})


def test_runs_are_listed_by_job_and_status_newest_first_with_their_causes(dbt):
    first, second = (run(dbt, "orders", cause=cause)["id"] for cause in ("one", "two"))
    asked = {"job_definition_id": dbt.job("orders"), "order_by": "-id", "include_related": '["trigger"]'}
    answer = dbt.client.get("runs/", params=asked | {"limit": 2}).json()
    assert [(each["id"], each["trigger"]["cause"]) for each in answer["data"]] == [(second, "two"), (first, "one")]
    assert answer["extra"]["pagination"]["count"] == 2
    assert answer["extra"]["pagination"]["total_count"] >= 2
    assert dbt.get("runs/", **asked, status__in="[1,2,3]") == []
    assert dbt.get("runs/", job_definition_id=dbt.job("orders"))[0]["trigger"] is None


def test_a_failed_run_is_taken_up_where_it_failed(dbt, session):
    failed = run(dbt, "broken")
    assert (failed["can_retry"], failed["retry_not_supported_reason"]) == (True, None)
    session.execute("CREATE SCHEMA SHOP")
    session.execute("CREATE TABLE SHOP.PRICES AS SELECT 'pen' AS ITEM, 2 AS PRICE")
    again = dbt.ended(dbt.post(f"runs/{failed['id']}/retry/")["id"])
    assert (again["status"], again["retrying_run_id"]) == (SUCCESS, failed["id"])
    assert set(results(dbt, again["id"])) == {"model.broken.prices", "model.broken.cheapest"}


def test_a_run_that_did_not_fail_or_is_not_the_last_is_not_retried(dbt):
    good, failed = run(dbt, "orders"), run(dbt, "broken")
    refused = dbt.client.post(f"runs/{good['id']}/retry/")
    assert (refused.status_code, good["retry_not_supported_reason"]) == (400, "RETRY_NOT_FAILED_RUN")
    run(dbt, "broken")
    refused = dbt.client.post(f"runs/{failed['id']}/retry/")
    assert "RETRY_NOT_LATEST_RUN" in refused.json()["status"]["user_message"]


def test_rerun_takes_a_failed_run_up_and_starts_a_good_one_anew(dbt):
    failed, good = run(dbt, "broken"), run(dbt, "orders")
    again = dbt.post(f"jobs/{dbt.job('broken')}/rerun/")
    assert again["retrying_run_id"] == failed["id"]
    assert dbt.post(f"jobs/{dbt.job('orders')}/rerun/")["retrying_run_id"] is None
    assert good["is_success"]


def test_a_trigger_needs_a_cause(dbt):
    answer = dbt.client.post(f"jobs/{dbt.job('orders')}/run/", json={})
    assert (answer.status_code, answer.json()["status"]["is_success"]) == (400, False)


@pytest.mark.parametrize("header", ["", "Token dbtc_" + "x" * 40, "Basic x"])
def test_without_the_token_nothing_is_answered(dbt, header):
    answer = dbt.client.get("jobs/", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["status"]["code"], answer.json()["data"]) == (401, 401, None)


def test_both_words_before_the_token_are_taken(dbt):
    assert dbt.client.get("jobs/", headers={"Authorization": f"Bearer {dbt.token}"}).status_code == 200


@pytest.mark.parametrize("path", ["jobs/1/", "runs/1/", "runs/1/artifacts/", f"../{ACCOUNT_ID + 1}/jobs/", "nonsense/"])
def test_what_is_not_there_is_404(dbt, path):
    answer = dbt.client.get(path)
    assert answer.status_code == 404
    assert answer.json()["status"]["user_message"] == "The requested resource was not found"


def test_a_deactivated_job_says_so_and_is_not_run(dbt):
    job = dbt.job("orders")
    dbt.control(f"jobs/{job}", {"deactivated": True})
    assert dbt.get(f"jobs/{job}/")["deactivated"] is True
    assert dbt.client.post(f"jobs/{job}/run/", json={"cause": "a test"}).status_code == 400


def test_faults_are_shown_as_often_as_asked_and_then_no_more(dbt):
    dbt.faults(
        {"match": "GET .*/jobs/", "status": 500, "times": 2}, {"match": "jobs/", "status": 429, "retry_after": "7"}
    )
    answers = [dbt.client.get("jobs/") for _ in range(4)]
    assert [each.status_code for each in answers] == [500, 500, 429, 200]
    assert answers[2].headers["Retry-After"] == "7"
    assert answers[0].json()["status"]["is_success"] is False


def test_an_answer_can_be_lost_after_the_call_was_made(dbt):
    before = len(dbt.runs("orders"))
    dbt.faults({"match": "POST .*/run/", "drop": True, "after": True})
    with pytest.raises(httpx.RemoteProtocolError):
        dbt.post(f"jobs/{dbt.job('orders')}/run/", cause="lost")
    dbt.faults({"match": "POST .*/run/", "drop": True})
    with pytest.raises(httpx.RemoteProtocolError):
        dbt.post(f"jobs/{dbt.job('orders')}/run/", cause="never came")
    runs = dbt.runs("orders")
    assert (len(runs), runs[-1]["trigger"]["cause"]) == (before + 1, "lost")


def test_an_answer_can_be_late(dbt):
    dbt.faults({"match": "jobs/", "seconds": PATIENCE_SECONDS})
    with pytest.raises(httpx.ReadTimeout):
        dbt.client.get("jobs/", timeout=0.5)

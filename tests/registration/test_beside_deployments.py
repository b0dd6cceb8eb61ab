"""What deployments need beside them is brought to what the code and Terraform say: pool, limits, result storage."""

import subprocess
import sys
from dataclasses import replace

import boto3
import pytest
from moto.server import ThreadedMotoServer
from repositories import TEMPLATE, Repository

from scripts.shared.refusal import Refusal


@pytest.fixture
def registered(repository):
    """A repository with one flow, registered."""
    repository.flow("plain")
    repository.register()
    return repository


def test_a_changed_template_is_written_to_the_pool_and_to_nothing_else(registered):
    changed = TEMPLATE | {"job_configuration": {"cpu": "{{ cpu }}", "command": "x"}}
    registered.stack = replace(registered.stack, template=changed)
    pool = registered.stack.title
    assert registered.actions() == {f"work pool {pool}": "update: base_job_template"}
    assert registered.actions() == {}
    assert registered.ask(f"work_pools/{pool}", "GET")["base_job_template"] == changed


def test_a_work_pool_of_another_type_is_refused_and_left_alone(repository):
    repository.flow("plain")
    repository.ask("work_pools/", name=repository.stack.title, type="process")
    with pytest.raises(Refusal, match="got type process; expected ecs"):
        repository.register()
    assert repository.held() == {}


def limits(repository):
    """Those that are not a deployment's own."""
    found = repository.ask("v2/concurrency_limits/filter", limit=200)
    return {each["name"]: each["limit"] for each in found if not each["name"].startswith("deployment:")}


def test_limits_are_brought_to_what_the_code_says_and_those_of_others_stay(registered):
    for name in ("theirs", "tag:data-flows.by-hand"):
        registered.ask("v2/concurrency_limits/", name=name, limit=1)
    limit, record = "concurrency limit data-flows.", f"variable {registered.stack.title.lower()}-limits"
    for code, expected in (
        (
            '{"data-flows.a": 1, "data-flows.b": 2}',
            {record: "create", f"{limit}a": "create: 1 at once", f"{limit}b": "create: 2 at once"},
        ),
        (
            '{"data-flows.a": 3}',
            {f"{limit}b": "prune: no longer in code", record: "update: limits", f"{limit}a": "update: 1 to 3 at once"},
        ),
        ("{}", {f"{limit}a": "prune: no longer in code", record: "prune: no limits in code"}),
    ):
        registered.file("flows/shared/concurrency.py", f"LIMITS = {code}\n")
        assert registered.actions() == expected
        assert registered.actions() == {}
    assert limits(registered) == {"theirs": 1, "tag:data-flows.by-hand": 1}


def test_two_stacks_on_one_server_prune_nothing_of_one_another(registered, tmp_path):
    other = Repository(tmp_path / "other", "Other-Dev")
    other.flow("others")
    for each in (registered, other):
        each.file("flows/shared/concurrency.py", 'LIMITS = {"data-flows.both": 2}\n')
        each.stack = replace(each.stack, result_block=f"{each.stack.prefix}-results", results_bucket=each.stack.title)
        each.register()
    assert other.actions() == registered.actions() == {}
    other.file("flows/shared/concurrency.py", "LIMITS = {}\n")
    (other.root / "flows/others.py").unlink()
    assert other.actions() == {
        "others/hourly": "prune: no longer in code",
        "variable other-dev-limits": "prune: no limits in code",
    }
    assert registered.actions(full=True) == {}
    assert set(registered.held()) == {"plain/hourly"}
    assert limits(registered) == {"tag:data-flows.both": 2}
    registered.file("flows/shared/concurrency.py", "LIMITS = {}\n")
    registered.register()
    assert limits(registered) == {}


def test_the_result_storage_follows_the_bucket(registered):
    name = f"{registered.stack.prefix}-results"
    for bucket, expected in (("first", "create"), ("second", "update: bucket_name")):
        registered.stack = replace(registered.stack, result_block=name, results_bucket=bucket)
        assert registered.actions() == {f"block s3-bucket/{name}": expected}
        assert registered.actions() == {}
    [held] = [each for each in registered.ask("block_documents/filter", limit=200) if each["name"] == name]
    assert held["data"] == {"bucket_name": "second", "bucket_folder": "results"}


RUN = """
from prefect import flow, task

@task(cache_key_fn=lambda *_: "once")
def counted():
    print("counted now")
    return 42

@flow
def again():
    return counted()

assert again() == 42
"""


@pytest.fixture
def bucket(monkeypatch):
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "NO_PROXY": host,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    s3 = boto3.resource("s3")
    yield s3.create_bucket(Bucket="results", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    server.stop()


def test_a_run_keeps_its_results_in_the_bucket_and_the_next_one_finds_them(repository, bucket, monkeypatch):
    name = f"{repository.stack.prefix}-results"
    repository.flow("plain")
    repository.stack = replace(repository.stack, result_block=name, results_bucket=bucket.name)
    repository.register()
    monkeypatch.setenv("PREFECT_DEFAULT_RESULT_STORAGE_BLOCK", f"s3-bucket/{name}")
    monkeypatch.setenv("PREFECT_RESULTS_PERSIST_BY_DEFAULT", "true")
    answers = [
        subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False) for _ in range(2)
    ]
    assert [answer.returncode for answer in answers] == [0, 0], answers[0].stderr
    assert [answer.stdout.count("counted now") for answer in answers] == [1, 0]
    assert {each.key.partition("/")[0] for each in bucket.objects.all()} == {"results"}

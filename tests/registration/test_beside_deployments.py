"""What deployments need beside them is brought to what the code and Terraform say: pool, limits, result storage."""

import subprocess
import sys
from dataclasses import replace

import boto3
import pytest
from moto.server import ThreadedMotoServer
from repositories import TEMPLATE

from scripts.shared.refusal import Refusal


@pytest.fixture
def registered(repository):
    """A repository with one flow, registered."""
    repository.flow("plain")
    repository.register()
    return repository


def test_a_changed_template_is_written_to_the_pool_and_to_nothing_else(registered):
    changed = TEMPLATE | {"job_configuration": {"cpu": "{{ cpu }}", "command": "x"}}
    registered.facts = replace(registered.facts, template=changed)
    pool = registered.environment.title
    assert registered.actions() == {f"work pool {pool}": "update: base_job_template"}
    assert registered.actions() == {}
    assert registered.ask(f"work_pools/{pool}", "GET")["base_job_template"] == changed


def test_a_work_pool_of_another_type_is_refused_and_left_alone(repository):
    repository.flow("plain")
    repository.ask("work_pools/", name=repository.environment.title, type="process")
    with pytest.raises(Refusal, match="got type process; expected ecs"):
        repository.register()
    assert repository.held() == {}


def test_limits_are_brought_to_what_the_code_says_and_those_of_others_stay(registered):
    registered.ask("v2/concurrency_limits/", name="theirs", limit=1)
    for limits, expected in (
        ('{"data-flows.a": 1, "data-flows.b": 2}', {"a": "create: 1 at once", "b": "create: 2 at once"}),
        ('{"data-flows.a": 3}', {"a": "update: 1 to 3 at once", "b": "prune: no longer in code"}),
        ("{}", {"a": "prune: no longer in code"}),
    ):
        registered.file("flows/shared/concurrency.py", f"LIMITS = {limits}\n")
        done = {
            name.removeprefix("concurrency limit tag:data-flows."): said for name, said in registered.actions().items()
        }
        assert done == expected
        assert registered.actions() == {}
    names = {each["name"] for each in registered.ask("v2/concurrency_limits/filter", limit=200)}
    assert "theirs" in names
    assert not [name for name in names if name.startswith("tag:data-flows.")]


def test_the_result_storage_follows_the_bucket(registered):
    block = f"block s3-bucket/{registered.environment.title.lower()}-results"
    for bucket, expected in (("first", "create"), ("second", "update: bucket_name")):
        registered.facts = replace(registered.facts, results_bucket=bucket)
        assert registered.actions() == {block: expected}
        assert registered.actions() == {}
    [held] = [
        each for each in registered.ask("block_documents/filter", limit=200) if each["name"] == block.partition("/")[2]
    ]
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
    repository.flow("plain")
    repository.facts = replace(repository.facts, results_bucket=bucket.name)
    repository.register()
    block = f"s3-bucket/{repository.environment.title.lower()}-results"
    monkeypatch.setenv("PREFECT_DEFAULT_RESULT_STORAGE_BLOCK", block)
    monkeypatch.setenv("PREFECT_RESULTS_PERSIST_BY_DEFAULT", "true")
    answers = [
        subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False) for _ in range(2)
    ]
    assert [answer.returncode for answer in answers] == [0, 0], answers[0].stderr
    assert [answer.stdout.count("counted now") for answer in answers] == [1, 0]
    assert {each.key.partition("/")[0] for each in bucket.objects.all()} == {"results"}

"""Job variables that Fargate would refuse and queues that nobody polls are told before anything is written."""

import pytest
from repositories import TEMPLATE

from scripts.registration.checks import problems


def said(**changes):
    deployment = {
        "file": "flows/a.py",
        "line": 7,
        "name": "hourly",
        "job_variables": {},
        "work_queue_name": None,
        **changes,
    }
    found = list(problems([deployment], TEMPLATE, {"default", "fast"}, "DataFlows-Dev"))
    assert all(problem.startswith("flows/a.py:7: deployment hourly: ") for problem in found)
    return [problem.removeprefix("flows/a.py:7: deployment hourly: ") for problem in found]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cpu": 256, "memory": 512},
        {"cpu": 4096, "memory": 30720, "ephemeral_storage_gib": 200},
        {"cpu": 16384, "memory": 122880},
        {"memory": 8192},
        {"cpu": 2048},
        {"env": {"A": "b"}},
    ],
    ids=str,
)
def test_what_fargate_has_is_fine(given):
    assert said(job_variables=given) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"cpu": 1000},
            "got cpu 1000; expected one of 256, 512, 1024, 2048, 4096, 8192, 16384 CPU units, as Fargate has.",
        ),
        (
            {"memory": 16384},
            "got memory 16384 with cpu 1024; expected 2048 to 8192 MiB in steps of 1024: Fargate has no other pair.",
        ),
        (
            {"cpu": 8192, "memory": 17408},
            "got memory 17408 with cpu 8192; expected 16384 to 61440 MiB in steps of 4096: Fargate has no other pair.",
        ),
        (
            {"cpu": 256, "memory": 4096},
            "got memory 4096 with cpu 256; expected 512 to 2048 MiB: Fargate has no other pair.",
        ),
        ({"cpu": "1024"}, "got cpu '1024'; expected a whole number."),
        ({"ephemeral_storage_gib": 20}, "got ephemeral_storage_gib 20; expected 21 to 200."),
        ({"image": "other"}, "got job variable image; expected one of cpu, env, ephemeral_storage_gib, memory."),
    ],
    ids=str,
)
def test_what_fargate_has_not_is_told_with_what_it_has(given, expected):
    assert said(job_variables=given) == [expected]


def test_an_unknown_work_queue_is_told_with_those_there_are():
    assert said(work_queue_name="fast") == []
    assert said(work_queue_name="slow") == [
        "got work queue slow; expected one of default, fast. To make it: "
        '`prefect work-queue create --pool DataFlows-Dev "slow"`.'
    ]

"""At the end of the stack's tests: every call was allowed and every right used, and `make down` leaves nothing."""

import socket

import pytest
from iam_view import calls_by_role, refused, unused
from observation import processes_of

from scripts.gate.permissions import oracle, tables
from scripts.gate.reading.plan import Plan


@pytest.fixture(scope="module")
def made(stack, up):
    """role → IAM action → the ARNs it was called on, of every call that a role of ours has made so far."""
    facts = stack.environment.facts
    return calls_by_role(stack.calls(), stack.environment.title, facts["account_id"], facts["region"])


def test_every_call_that_was_made_is_allowed_by_the_plan(stack, made):
    evaluator = oracle.Oracle(Plan.load(stack.settings.directory / "plan.json"))
    facts = stack.environment.facts
    cluster = f"arn:aws:ecs:{facts['region']}:{facts['account_id']}:cluster/{stack.environment.title}"
    context = {"ecs:cluster": cluster, "s3:prefix": "landing/anything/"}
    assert not refused(evaluator, made, context)


def test_every_line_of_a_role_was_used_or_is_rare_for_a_reason(stack, made):
    plan = Plan.load(stack.settings.directory / "plan.json")
    assert unused(tables.roles(plan), made) == []


def test_down_leaves_no_process_and_no_port(stack, up):
    own = str(stack.settings.directory)
    assert processes_of(own)
    answer = stack.run("stop_local")
    assert answer.returncode == 0, answer.stderr
    assert not processes_of(own)
    for port in stack.settings.ports().values():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert stack.run("show_status").returncode == 1

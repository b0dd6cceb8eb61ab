"""What cannot be compared is one sentence, and which commit is compared with follows from the branch."""

import json
import subprocess
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from plan_builder import plan_data, resource
from repository_copy import GIT

from scripts.delivery import base_plan
from scripts.gate.diff.flows import Flows, flow_lines
from scripts.gate.reading.plan import Plan
from scripts.shared import git_tree
from scripts.shared.environments import find_environment

pytestmark = pytest.mark.usefixtures("made_up_environments")
PLAN = Plan(plan_data(resource("aws_sqs_queue.q", {"name": "q"})))


@contextmanager
def no_flows(*_):
    yield SimpleNamespace(result=lambda: SimpleNamespace(deployments=[], problems=[]))


@pytest.fixture
def compared(monkeypatch, tmp_path):
    """The comparison of PLAN, where git answers what is given."""
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", str(tmp_path))
    # What the user's flows declare is none of this.
    monkeypatch.setattr(base_plan.flow_secrets, "declared", lambda _: {})
    monkeypatch.setattr(base_plan.flow_permissions, "declared", lambda _: [])

    def compare(environment="amber", commit="c0ffee", has_file=True, export=lambda *_: True, unchanged=True):
        monkeypatch.setattr(git_tree, "base_commit", lambda _: (commit, commit and "main (c0ffee)"))
        monkeypatch.setattr(git_tree, "has_file", lambda *_: has_file)
        monkeypatch.setattr(git_tree, "export", export)
        monkeypatch.setattr(git_tree, "is_unchanged", lambda *_: unchanged)
        with base_plan.comparing(find_environment(environment), "", no_flows) as comparison:
            return comparison(PLAN)

    return compare


def test_without_a_commit_there_is_nothing_to_compare_with(compared):
    assert compared(commit="").problem.startswith("There is no git repository with an earlier commit here")


def test_an_environment_that_is_new_is_said_to_be(compared):
    said = "The environment amber does not exist at main (c0ffee): everything is new."
    assert compared(has_file=False).problem == said


def test_a_commit_that_does_not_plan_is_one_sentence_with_its_reason(compared):
    """Such as an older layout: the commit's own code plans it."""
    result = compared(unchanged=False)
    assert result.problem.startswith("The plan is not compared with main (c0ffee): ModuleNotFoundError: No module")
    assert result.flows == ()
    assert not result.flows_problem


def test_a_commit_that_cannot_be_read_is_one_sentence(compared):
    result = compared(export=lambda *_: False, unchanged=False)
    assert result.problem == "The plan is not compared with main (c0ffee): git cannot read the commit."
    assert result.flows_problem == "The flows are not compared with main (c0ffee): git cannot read the commit."


def test_a_plan_that_is_kept_is_not_made_again(compared, tmp_path):
    kept = tmp_path / "base" / "c0ffee" / "amber" / "plan.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(plan_data()))
    result = compared(export=lambda *_: pytest.fail("exported"))
    assert [str(line) for line in result.security] == ["queue q: new"]


@pytest.fixture
def repository(monkeypatch, tmp_path):
    """git in a repository whose main branch has two commits."""
    monkeypatch.setattr(git_tree, "ROOT", tmp_path)

    def git(*arguments):
        answer = subprocess.run([*GIT, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return answer.stdout.strip()

    git("init", "-q", "-b", "main")
    for number in "12":
        (tmp_path / "file").write_text(number)
        git("add", "-A")
        git("commit", "-q", "-m", number)
    return git


def test_the_main_branch_is_compared_with_the_commit_before_or_with_itself_if_files_are_changed(repository, tmp_path):
    assert git_tree.base_commit()[0] == repository("rev-parse", "HEAD^")
    (tmp_path / "file").write_text("3")
    commit, name = git_tree.base_commit()
    assert commit == repository("rev-parse", "HEAD")
    assert name == f"{commit[:7]}, without the uncommitted changes"


def test_a_branch_is_compared_with_where_it_left_the_main_branch(repository, tmp_path):
    left = repository("rev-parse", "HEAD")
    repository("checkout", "-q", "-b", "mine")
    repository("commit", "-q", "--allow-empty", "-m", "mine")
    repository("checkout", "-q", "main")
    repository("commit", "-q", "--allow-empty", "-m", "theirs")
    repository("checkout", "-q", "mine")
    assert git_tree.base_commit() == (left, f"{left[:7]}, where this branch left main")
    assert git_tree.base_commit("main")[0] == repository("rev-parse", "main")


def test_a_commit_is_exported_as_it_is_and_a_changed_or_new_file_is_seen(repository, tmp_path, tmp_path_factory):
    to = tmp_path_factory.mktemp("tree")
    assert git_tree.export("HEAD^", to)
    assert [(path.name, path.read_text()) for path in to.iterdir()] == [("file", "1")]
    assert not git_tree.export("gone", to)
    assert git_tree.has_file("HEAD", tmp_path / "file")
    assert not git_tree.has_file("HEAD", tmp_path / "other")
    assert git_tree.is_unchanged("HEAD", "file")
    assert not git_tree.is_unchanged("HEAD^", "file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "new").touch()
    assert not git_tree.is_unchanged("HEAD", "folder")


def deployment(**fields):
    return {"flow_name": "daily", "name": "nightly", "tags": ["owner:a"], **fields}


def lines(before, after, rights=((), ())):
    base, head = (
        Flows(deployments=side, permissions=[{"flow": "daily", "actions": list(actions), "resources": ["arn:x"]}])
        for side, actions in zip((before, after), rights, strict=True)
    )
    return [f"{line.kind} {line}" for line in flow_lines(base, head)]


def cron(when):
    return [{"schedule": {"cron": when, "timezone": "UTC", "day_or": True}, "parameters": {}, "active": True}]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([deployment()], [deployment()], []),
        ([deployment()], [], ["neutral deployment daily/nightly: gone"]),
        ([], [deployment()], ["neutral deployment daily/nightly: new: schedule none, tags “owner:a”"]),
        ([deployment(schedules=cron("0 5 * * *"))], [deployment(schedules=cron("0 6 * * *"))],
         ["neutral deployment daily/nightly: schedule now 0 6 * * * UTC, before 0 5 * * * UTC"]),
        ([deployment(parameters={"days": 1})], [deployment(parameters={"days": 2})],
         ["neutral deployment daily/nightly: parameters days now 2, before 1"]),
        ([deployment()], [deployment(tags=["owner:b"])],
         ["neutral deployment daily/nightly: tags “owner:a” is gone",
          "neutral deployment daily/nightly: tags “owner:b” is new"]),
    ],
)  # fmt: skip
def test_a_flow_that_comes_goes_or_changes_is_said(before, after, said):
    assert lines(before, after) == said


def test_the_rights_that_a_flow_declares_are_said_too():
    assert lines([], [], (["s3:GetObject"], ["s3:GetObject", "s3:PutObject"])) == [
        "opens flow daily: may now s3:PutObject on arn:x"
    ]
    assert lines([], [], (["s3:GetObject"], [])) == ["closes flow daily: may no longer s3:GetObject on arn:x"]


def test_a_secret_that_a_flow_file_declares_or_no_longer_declares_is_told():
    base, head = (Flows(deployments=[], permissions=[], secrets={"daily": names}) for names in (["A", "B"], ["B", "C"]))
    assert [(line.kind, str(line)) for line in flow_lines(base, head)] == [
        ("opens", "flow daily: now receives C"),
        ("closes", "flow daily: no longer receives A"),
    ]

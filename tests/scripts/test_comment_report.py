"""A pull request shows the report of its latest plan in one comment for each environment."""

import json
import re

import pytest
from stand_in import StandIn, serving

from scripts import comment_report
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
PULL_REQUEST = "https://github.com/example/flows/pull/12"
CREDENTIAL = "made-up"


class GitHub(StandIn):
    """The comments of pull request 12, in pages of two; whoever has no token is refused."""

    comments: dict[int, str]

    def respond(self):
        sent = self.body()
        path, _, query = self.path.partition("?")
        if self.headers["Authorization"] != f"Bearer {CREDENTIAL}":
            return self.answer(403, {"message": "Resource not accessible"})
        if path == "/repos/example/flows/issues/12/comments" and self.command == "GET":
            page = int(re.search(r"\bpage=(\d+)", query)[1])
            found = [{"id": number, "body": body} for number, body in self.comments.items()]
            return self.answer(200, found[2 * page - 2 : 2 * page])
        if path == "/repos/example/flows/issues/12/comments":
            number = len(self.comments) + 1
        elif match := re.fullmatch(r"/repos/example/flows/issues/comments/(\d+)", path):
            number = int(match[1])
        else:
            return self.answer(404, {"message": "Not Found"})
        self.comments[number] = json.loads(sent)["body"]
        return self.answer(200, {"id": number, "html_url": f"{PULL_REQUEST}#comment-{number}"})


@pytest.fixture(name="comments")
def fixture_comments(monkeypatch):
    """The comments of the pull request by number, two of them somebody's."""
    handler = type("Handler", (GitHub,), {"comments": {1: "Looks good.", 2: "> <!-- data-flows: amber -->\nWhy?"}})
    with serving(handler) as port:
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("GITHUB_TOKEN", CREDENTIAL)
        monkeypatch.setenv("CIRCLE_PULL_REQUEST", PULL_REQUEST)
        yield handler.comments


@pytest.fixture(name="post")
def fixture_post(monkeypatch, capsys, tmp_path):
    """Run the command on a plan with this report; returns what it says."""
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", str(tmp_path))

    def run(report, environment="amber"):
        if report:
            file = find_environment(environment).directory / "report.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(report, encoding="utf-8")
        monkeypatch.setattr("sys.argv", ["comment_report", environment])
        comment_report.main()
        return capsys.readouterr().out

    return run


def test_the_report_becomes_a_comment_beside_those_of_others(comments, post):
    assert post("✓ Passed") == f"The report is {PULL_REQUEST}#comment-3\n"
    assert comments[3] == "<!-- data-flows: amber -->\n✓ Passed"
    assert comments[1] == "Looks good."


def test_a_later_push_writes_the_same_comment_anew(comments, post):
    post("✓ Passed")
    post("✗ Failed")
    assert comments[3].endswith("✗ Failed")
    assert len(comments) == 3


def test_each_environment_has_a_comment_of_its_own(comments, post):
    post("of amber")
    post("of violet", "violet")
    assert [body.splitlines()[1] for body in list(comments.values())[2:]] == ["of amber", "of violet"]


def test_without_a_pull_request_or_a_token_it_says_so_and_posts_nothing(comments, post, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    assert post("✓ Passed").startswith("GITHUB_TOKEN is not set: ")
    monkeypatch.setenv("CIRCLE_PULL_REQUEST", "")
    assert post("✓ Passed").startswith("There is no pull request: ")
    assert len(comments) == 2


def test_a_token_that_may_not_write_is_refused_without_being_shown(comments, post, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "of-somebody-else")
    with pytest.raises(Refusal, match="GitHub answered 403 to GET /repos/example/flows/issues/12/comments") as refused:
        post("✓ Passed")
    assert "of-somebody-else" not in str(refused.value)


@pytest.mark.parametrize("address", ["12", "https://github.com/example/flows", "http://github.com/a/b/pull/1"])
def test_what_is_no_pull_request_is_refused(comments, post, monkeypatch, address):
    monkeypatch.setenv("CIRCLE_PULL_REQUEST", address)
    with pytest.raises(Refusal, match=f"The pull request is {re.escape(address)}; expected its address"):
        post("✓ Passed")


@pytest.mark.usefixtures("comments")
def test_without_a_plan_it_says_what_to_do(post):
    with pytest.raises(Refusal, match=r"report\.md is not there; expected a plan: make plan ENV=amber first"):
        post("")

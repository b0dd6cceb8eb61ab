"""A comment of a pull request on GitHub that each push brings up to date.

https://docs.github.com/en/rest/issues/comments
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from scripts.shared.refusal import Refusal

ADDRESS = re.compile(r"https://(?P<host>[\w.-]+)/(?P<repository>[\w.-]+/[\w.-]+)/pull/(?P<number>[0-9]+)/?")
PAGE = 100


@dataclass(frozen=True)
class PullRequest:
    """A pull request: the API of its host, `owner/name` of its repository, and its number."""

    api: str
    repository: str
    number: str


def read_address(address: str) -> PullRequest:
    """The pull request of an address, such as https://github.com/example/data-flows/pull/12.

    Raises:
        Refusal: it is no such address.
    """
    match = ADDRESS.fullmatch(address)
    if not match:
        raise Refusal(
            f"The pull request is {address}; expected its address, such as https://github.com/example/flows/pull/12."
        )
    host = match["host"]
    own = "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"
    return PullRequest(os.environ.get("GITHUB_API_URL") or own, match["repository"], match["number"])


def write_comment(pull_request: PullRequest, token: str, name: str, text: str) -> str:
    """Write the comment of this name anew, or make it. Returns its address.

    Raises:
        Refusal: GitHub did not take it.
    """
    mark = f"<!-- data-flows: {name} -->"  # Readers do not see it.
    body = {"body": f"{mark}\n{text}"}
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    with httpx.Client(transport=httpx.HTTPTransport(retries=3), headers=headers, timeout=30) as client:
        place = f"{pull_request.api}/repos/{pull_request.repository}/issues"
        comments = f"{place}/{pull_request.number}/comments"
        for comment in _read_all(client, comments):
            if comment["body"].startswith(mark):
                return str(_ask(client, "PATCH", f"{place}/comments/{comment['id']}", json=body)["html_url"])
        return str(_ask(client, "POST", comments, json=body)["html_url"])


def _read_all(client: httpx.Client, address: str) -> Iterator[Any]:
    page = 1
    while found := _ask(client, "GET", address, params={"per_page": PAGE, "page": page}):
        yield from found
        page += 1


def _ask(client: httpx.Client, method: str, address: str, **content: Any) -> Any:
    answer = client.request(method, address, **content)
    if answer.is_error:
        raise Refusal(
            f"GitHub answered {answer.status_code} to {method} {answer.request.url.path}; "
            "expected a GITHUB_TOKEN that may write comments there (docs/gate.md)."
        )
    return answer.json()

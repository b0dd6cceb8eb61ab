"""Show the short report of an environment's plan as a comment of the pull request; a later push writes it anew.

    python -m scripts.comment_report dev --pull-request https://github.com/example/flows/pull/12

The token is GITHUB_TOKEN. Without it or a pull request it says so and ends well: the report is a file, and most pushes
have no pull request.
"""

import os

from scripts.delivery.pull_request_comment import read_address, write_comment
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal


def main() -> None:
    """Post it, print its address."""
    parser = command_parser(__doc__)
    parser.add_argument("environment", type=find_environment)
    parser.add_argument("--pull-request", default="", help="its address; CircleCI says it in CIRCLE_PULL_REQUEST")
    arguments = parser.parse_args()
    report = arguments.environment.directory / "report.md"
    if not report.is_file():
        raise Refusal(f"{report} is not there; expected a plan: make plan ENV={arguments.environment.name} first.")
    address = arguments.pull_request or os.environ.get("CIRCLE_PULL_REQUEST", "")
    token = os.environ.get("GITHUB_TOKEN", "")
    if not address or not token:
        lacking = "There is no pull request" if not address else "GITHUB_TOKEN is not set"
        print(f"{lacking}: {report} is not posted.")
        return
    comment = write_comment(read_address(address), token, arguments.environment.name, report.read_text("utf-8"))
    print(f"The report is {comment}")


if __name__ == "__main__":
    run_command(main)

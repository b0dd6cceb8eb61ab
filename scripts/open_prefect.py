"""Open Prefect's page in the browser. That of the local stack is signed in; of another environment, you sign in there.

    python -m scripts.open_prefect
    python -m scripts.open_prefect --env dev

Without a browser, it shows the address and how to sign in.
"""

from scripts.local_stack import sign_in
from scripts.local_stack.running import require_running
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.run_pages import ui_url


def main() -> None:
    """Open it and say where it is."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    environment = parser.parse_args().env
    require_running(environment)
    browser = sign_in.find_browser()
    if environment.is_local:
        settings = LocalSettings.load()
        if browser:
            sign_in.open_signed_in(settings, browser)
        print(f"Signed in: {settings.prefect_url}" if browser else f"Got no browser: open {sign_in.by_hand(settings)}.")
        return
    address = ui_url(environment.facts["prefect_api_url"])
    if browser:
        browser.open(address)
    print(address)


if __name__ == "__main__":
    run_command(main)

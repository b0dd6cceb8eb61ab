"""Becomes `prefect server start`, with basic auth read from its file, and SQLite in the stack's directory as database.

DATA_FLOWS_PREFECT_DATABASE is the address of another database.

The secret passes from the file into the server's environment and so is in no argument, log or supervisor configuration.

Example: python -m scripts.local_stack.prefect_server --port 4200 --directory build/local
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from scripts.shared.command import command_parser
from scripts.shared.local_settings import HOST, LocalSettings, variable


def main(arguments: list[str] | None = None) -> int:
    """Replace this process by the server; return only when that is impossible."""
    parser = command_parser(__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args(arguments)
    settings = LocalSettings.model_construct(directory=options.directory.resolve(), prefect_port=options.port)
    home = settings.directory / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    variables = os.environ | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": os.environ.get(variable("prefect_database"))
        or f"sqlite+aiosqlite:///{home}/prefect.db",
        "PREFECT_SERVER_API_AUTH_STRING": settings.prefect_auth_string(),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "true",
        # Otherwise its pages ask port 4200, whatever port they came from, and send the credential to who listens there.
        "PREFECT_SERVER_UI_API_URL": settings.prefect_api_url,
        # Where `make open` can add a page; by default in the virtual environment, which several stacks may share.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        # In the server's memory, as by default, the slots of a limit would stay taken for ever once it is restarted.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "DO_NOT_TRACK": "1",
    }
    if find_spec("tzdata"):
        # Prefect lists all time zones whenever it looks at a schedule: 4 ms in the system's folders, 0 in tzdata.
        variables["PYTHONTZPATH"] = ""
    os.chdir(home)  # Prefect also reads .env, prefect.toml and pyproject.toml where it starts.
    prefect = Path(sys.executable).with_name("prefect")
    command = [str(prefect), "server", "start", "--host", HOST, "--port", str(options.port)]
    os.execve(prefect, command, variables)  # noqa: S606 - there is nothing for a shell to do.
    return 2


if __name__ == "__main__":
    raise SystemExit(main())

"""The embedded dbt Cloud, in memory.

Example: python -m scripts.local_stack.dbt_cloud.server --port 4568 --snowflake-port 4567
"""

from pathlib import Path

import uvicorn

from scripts.local_stack.dbt_cloud.api import Api
from scripts.shared.command import command_parser
from scripts.shared.local_settings import HOST, REPOSITORY


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = command_parser(__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--snowflake-port", type=int, required=True)
    parser.add_argument("--flows", type=Path, default=REPOSITORY / "flows", help="where the jobs lie, at any depth")
    options = parser.parse_args(arguments)
    api = Api(options.flows, options.snowflake_port, f"http://{HOST}:{options.port}")
    uvicorn.run(api.app, host=HOST, port=options.port, log_level="info", access_log=False, timeout_graceful_shutdown=2)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

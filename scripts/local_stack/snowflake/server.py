"""The embedded Snowflake: fakesnow's server, in memory.

Example: python -m scripts.local_stack.snowflake.server --port 4567
"""

import uvicorn
from fakesnow.server import app

from scripts.local_stack.snowflake import compat, errors, results, statements
from scripts.shared.command import command_parser
from scripts.shared.local_settings import HOST


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = command_parser(__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--idle-seconds", type=float, default=5, help="after which a blocking transaction is ended")
    options = parser.parse_args(arguments)
    statements.install()
    compat.install(options.idle_seconds)
    results.install(app, f"http://{HOST}:{options.port}")
    errors.install(app)
    uvicorn.run(app, host=HOST, port=options.port, log_level="info", access_log=False, timeout_graceful_shutdown=2)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The embedded AWS: moto's server with the corrections, the call recorder and the embedded Fargate, in one process.

Example: python -m scripts.local_stack.aws.server --port 4566 --directory build/local --account-id 123456789012
"""

import logging
import os
import signal
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # Read when moto is imported.

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import make_server

from scripts.local_stack.aws import compat, compat_alarms, compat_buckets, compat_delivery
from scripts.local_stack.aws.calls import CallRecorder
from scripts.local_stack.aws.retries import Retries
from scripts.local_stack.fargate.engine import Fargate
from scripts.local_stack.fargate.roles import ECS_TASKS
from scripts.shared.command import command_parser
from scripts.shared.local_settings import HOST, LocalSettings


class QuietRequestHandler(MotoRequestHandler):
    """Writes no line per request: calls.jsonl has them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def role_of(account_id: str, access_key: str) -> str | None:
    """Return the name of the role that an access key was made for, None for a key that no role has."""
    if access_key == ECS_TASKS:
        return ECS_TASKS
    role = sts_backends[account_id]["aws"].get_assumed_role_from_access_key(access_key)
    return role.role_arn.rsplit("/", 1)[-1] if role else None


def application(fargate: Fargate, recorder: CallRecorder) -> WSGIApplication:
    """Return the WSGI application: the embedded Fargate's own paths, and moto for everything else."""
    moto = Retries().wrap(recorder.wrap(DomainDispatcherApplication(create_backend_app)))

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/_fargate/"):
            return moto(environ, start_response)
        status, body = fargate.answer(path, environ.get("HTTP_AUTHORIZATION", ""))
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    return serve


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then end all tasks."""
    parser = command_parser(__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="logs, task records and images are here")
    parser.add_argument("--account-id", required=True, help="the AWS account that it is")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)

    # Not validated: other ports in the shell or `.env` do not matter to this program.
    settings = LocalSettings.model_construct(directory=options.directory.resolve(), aws_port=options.port)
    settings.directory.mkdir(parents=True, exist_ok=True)
    os.environ["MOTO_ACCOUNT_ID"] = options.account_id  # Read with every request.
    compat.install()
    compat_delivery.install()
    compat_buckets.install()
    compat_alarms.install()
    recorder = CallRecorder(settings.calls, partial(role_of, options.account_id))
    fargate = Fargate(settings, recorder)
    server = make_server(HOST, options.port, application(fargate, recorder), True, request_handler=QuietRequestHandler)

    def end_tasks_then_server() -> None:
        fargate.shut_down()  # The server still answers the last calls of the tasks.
        server.shutdown()

    def end(*_: object) -> None:
        # Only another thread than the one that serves can stop it.
        threading.Thread(target=end_tasks_then_server).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    fargate.install()
    logging.info("The embedded AWS listens on %s", settings.aws_endpoint_url)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

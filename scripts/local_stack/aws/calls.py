"""Writes one JSON line for each AWS call to calls.jsonl: who called what, when, and the status; never a body."""

import io
import json
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import HTTPException

from scripts.shared.embedded_clients import ADMINISTRATOR

CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/[^/]*/([^/]+)/")
BODY_LIMIT_BYTES = 256 * 1024
# Parameters that name the resource of a call, the most specific first. None of them can hold a secret.
RESOURCE_PARAMETERS = (
    *("RoleArn", "RoleName", "KeyId", "PolicyArn", "PolicyName", "Name", "Names", "Path", "QueueUrl", "QueueName"),
    *("TopicArn", "Rule", "AliasName", "TargetKeyId", "logGroupName", "repositoryName", "taskDefinition", "family"),
    *("services", "service", "serviceName", "tasks", "task", "resourceArn", "ResourceARN", "ResourceArn", "cluster"),
    *("clusterName", "names", "name"),
)
# UpdateService also has a taskDefinition, but it is about the service.
RESOURCE_OF = {"UpdateService": "service"}


class CallRecorder:
    """Appends calls to a file; `role_of` turns an access key into the name of the role it belongs to."""

    def __init__(self, path: Path, role_of: Callable[[str], str | None]) -> None:
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()
        self._role_of = role_of

    def record(self, service: str, action: str, role: str, resource: str, status: int) -> None:
        """Append one call, made now."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "service": service, "action": action}
        with self._lock:
            self._file.write(json.dumps(line | {"role": role, "resource": resource, "status": status}) + "\n")

    def wrap(self, application: WSGIApplication) -> WSGIApplication:
        """Return the WSGI `application` with every signed call recorded."""

        def recorded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            signature = environ.get("HTTP_AUTHORIZATION", "") or environ.get("QUERY_STRING", "").replace("%2F", "/")
            match = CREDENTIAL.search(signature)
            if not match:
                return application(environ, start_response)
            access_key, service = match.groups()
            action, resource = _describe(environ, service)
            # Before the call: it may delete the role or the key.
            role = self._role_of(access_key) or ADMINISTRATOR

            def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
                self.record(service, action, role, resource, int(status.split(" ", 1)[0]))
                return start_response(status, headers, *rest)

            return application(environ, started)

        return recorded


def _describe(environ: dict[str, Any], service: str) -> tuple[str, str]:
    path = environ.get("PATH_INFO", "/")
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        action = target.rsplit(".", 1)[-1]
        return action, _resource(_json_body(environ), action)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = {name: values[0] for name, values in parse_qs(_body(environ).decode(errors="replace")).items()}
        return form.get("Action", "Unknown"), _resource(form)
    if smithy := re.search(r"/service/\w+/operation/(\w+)", path):
        return smithy[1], ""
    return _rest_action(environ, service), path.lstrip("/")


def _rest_action(environ: dict[str, Any], service: str) -> str:
    try:
        operation, _ = get_service_router(service).match(Request(environ))
    # moto raises NotImplementedError for calls it does not know; they are recorded all the same.
    except (HTTPException, NotImplementedError, UnknownServiceError):
        return f"{environ['REQUEST_METHOD']} request"
    return operation.name


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= BODY_LIMIT_BYTES:
        return b""
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _json_body(environ: dict[str, Any]) -> dict[str, Any]:
    try:
        parsed = json.loads(_body(environ) or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _resource(parameters: dict[str, Any], action: str = "") -> str:
    names = (RESOURCE_OF[action],) if action in RESOURCE_OF else RESOURCE_PARAMETERS
    value = next((parameters[name] for name in names if parameters.get(name)), "")
    # Of many the first few are enough, whole.
    return " ".join(map(str, value[:5])) if isinstance(value, list) else str(value)[:500]

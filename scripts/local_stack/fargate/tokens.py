"""RunTask with a client token starts tasks once: the same request gets the same tasks, another one is refused."""

import json
import threading
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ecs.responses import EC2ContainerServiceResponse

from scripts.local_stack.patches import Original, replace


class ConflictError(ServiceException):
    """The token belongs to another request."""

    code = "ConflictException"


def install() -> None:
    """Give moto's RunTask the token that it ignores."""
    known: dict[str, tuple[dict[str, Any], ActionResult]] = {}
    lock = threading.Lock()

    def run_task(original: Original, response: EC2ContainerServiceResponse) -> ActionResult:
        request = json.loads(response.body)
        token = request.get("clientToken")
        if not token:
            result: ActionResult = original(response)
            return result
        with lock:
            if token not in known:
                known[token] = request, original(response)
            asked, result = known[token]
        if asked != request:
            raise ConflictError(f"The client token {token} was used with other parameters.")
        return result

    replace(EC2ContainerServiceResponse, "run_task", run_task)

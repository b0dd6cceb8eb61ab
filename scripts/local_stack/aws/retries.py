"""Answers a repeated call as it answered the first time. A client repeats a call when its answer was lost.

AWS recognises such calls by tokens. moto would do the work twice or report an error. The AWS SDKs name each call
(`amz-sdk-invocation-id`) and count its attempts (`amz-sdk-request`).
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

REMEMBERED_CALLS = 1000
ANSWER_LIMIT_BYTES = 64 * 1024
Header = tuple[str, str]
REPEATED = re.compile(r"attempt=([2-9]|\d\d)")


class Retries:
    """Remembers the answers of the last calls."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[str, list[Header], bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def wrap(self, application: WSGIApplication) -> WSGIApplication:
        """Return the WSGI `application`; repeated calls are answered from memory."""

        def answering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            call = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
            if not call:
                return application(environ, start_response)
            if REPEATED.search(environ.get("HTTP_AMZ_SDK_REQUEST", "")):
                with self._lock:
                    answer = self._answers.get(call)
                if answer:
                    start_response(*answer[:2])
                    return [answer[2]]
            started: list[tuple[str, list[Header]]] = []

            def start(status: str, headers: list[Header], *rest: Any) -> Callable[[bytes], object]:
                started.append((status, headers))
                return start_response(status, headers, *rest)

            body = application(environ, start)
            status, headers = started[-1]
            if int(dict(headers).get("Content-Length", ANSWER_LIMIT_BYTES + 1)) > ANSWER_LIMIT_BYTES:
                return body
            content = b"".join(body)
            if hasattr(body, "close"):
                body.close()
            if not status.startswith("5"):  # A call that failed may succeed now.
                self._remember(call, (status, headers, content))
            return [content]

        return answering

    def _remember(self, call: str, answer: tuple[str, list[Header], bytes]) -> None:
        with self._lock:
            self._answers[call] = answer
            while len(self._answers) > REMEMBERED_CALLS:
                self._answers.popitem(last=False)

"""What the embedded dbt Cloud does wrong on request: each fault holds for the next calls that match it."""

import asyncio
import re
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

CONTROL = "/_embedded/"


class Fault(BaseModel):
    """The next `times` calls whose `METHOD path?query` matches are late by `seconds` and answered as the rest says.

    `status`: that status, with `retry_after` as its header. `drop`: half an answer, then the connection is closed. The
    call itself is made first if `after` is true, and never otherwise.
    """

    match: str = ""
    times: Annotated[int, Field(ge=1)] = 1
    seconds: Annotated[float, Field(ge=0)] = 0
    status: int | None = None
    retry_after: str | None = None
    drop: bool = False
    after: bool = False


class Faults:
    """A layer before the API that shows the faults it was given, first come first."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.waiting: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = None if scope["type"] != "http" or scope["path"].startswith(CONTROL) else self._next(Request(scope))
        if fault is None:
            return await self.app(scope, receive, send)
        await asyncio.sleep(fault.seconds)
        if fault.after:
            await self.app(scope, receive, _nowhere)
        if fault.drop:
            head = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            # The server closes a connection whose answer is shorter than it said.
            return await send({"type": "http.response.body", "body": b'{"data": ', "more_body": True})
        if fault.status is None:
            return await self.app(scope, receive, send)
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        return await answer(fault.status, "A fault that was asked for", headers=headers)(scope, receive, send)

    def _next(self, request: Request) -> Fault | None:
        call = f"{request.method} {request.url.path}?{request.url.query}"
        fault = next((each for each in self.waiting if re.search(each.match, call)), None)
        if fault:
            fault.times -= 1
            if not fault.times:
                self.waiting.remove(fault)
        return fault


async def _nowhere(_: Any) -> None:
    """Take an answer that nobody gets."""


def answer(
    status: int, message: str, data: Any = None, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """dbt Cloud's form of an answer."""
    said = {"code": status, "is_success": status < 400, "user_message": message, "developer_message": ""}
    return JSONResponse({"status": said, "data": data, **more}, status, headers)

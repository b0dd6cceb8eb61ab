"""A client of the Debug Adapter Protocol, as an editor is one: as much of it as reaches a breakpoint."""

import json
import socket
from itertools import count
from typing import Any

from patience import PATIENCE_SECONDS


class DebugClient:
    """One connection to a debugger that listens on this machine."""

    def __init__(self, port: int) -> None:
        self._file = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS).makefile("rwb")
        self._numbers = count(1)

    def close(self) -> None:
        """End the connection, and with it the debugger's adapter."""
        self._file.close()

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; returns its number."""
        number = next(self._numbers)
        body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._file.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._file.flush()
        return number

    def read(self) -> dict[str, Any]:
        """The next message of the debugger."""
        length = 0
        while header := self._file.readline().strip():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        return json.loads(self._file.read(length))

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        number = self.send(command, **arguments)
        answer = next(m for m in iter(self.read, None) if m["type"] == "response" and m["request_seq"] == number)
        assert answer["success"], answer
        return answer.get("body") or {}

    def until(self, event: str) -> dict[str, Any]:
        """Wait for an event."""
        return next(m for m in iter(self.read, None) if m["type"] == "event" and m["event"] == event).get("body") or {}

    def stop_at(self, file: str, line: int) -> dict[str, Any]:
        """Attach, set one breakpoint, and go on until it is reached; returns the frame."""
        self.ask("initialize", adapterID="debugpy", pathFormat="path", linesStartAt1=True)
        self.send("attach", justMyCode=True)
        self.until("initialized")
        self.ask("setBreakpoints", source={"path": file}, breakpoints=[{"line": line}])
        self.ask("configurationDone")
        thread = self.until("stopped")["threadId"]
        return self.ask("stackTrace", threadId=thread)["stackFrames"][0]

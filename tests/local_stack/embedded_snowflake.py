"""An embedded Snowflake for the tests of one file, and sessions of the real connector with it."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
from patience import until

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DER = KEY.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
# The connector repeats what is answered with HTTP 500 until its timeout of 30 s and more.
AT_ONCE_SECONDS = 20


@contextmanager
def embedded_snowflake(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running server until the block is left; its process has the port as `port`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "scripts.local_stack.snowflake.server", "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0 or process.poll() is not None)
            assert process.poll() is None, f"{command} did not start:\n{log.read_text()[-2000:]}"
            process.port = port
            yield process
        finally:
            process.terminate()


def connect(port: int, database: str = "ANSWERS", **options: Any) -> Any:
    """A session of Snowflake's connector, with a key pair as flows have it."""
    import snowflake.connector

    return snowflake.connector.connect(
        account="fakesnow",
        user="DATA_FLOWS",
        private_key=DER,
        database=database,
        schema="PUBLIC",
        host="127.0.0.1",
        port=port,
        protocol="http",
        **options,
    )


def at_once(call: Callable[[], Any]) -> Any:
    """What the call gives or raises, if that comes before the connector could have repeated it."""
    started = time.monotonic()
    try:
        return call()
    finally:
        assert time.monotonic() - started < AT_ONCE_SECONDS

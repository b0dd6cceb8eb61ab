"""An embedded S3 and Snowflake for benchmarks, and the environment of a flow task that knows them."""

import base64
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUCKET = "benchmark"
START_SECONDS = 60


@contextmanager
def embedded() -> Iterator[dict[str, str]]:
    """Both servers until the block is left, with an empty bucket; gives the variables of a flow task."""
    import boto3

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        moto = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p"]
        snowflake = [sys.executable, "-m", "scripts.local_stack.snowflake.server", "--port"]
        s3_port = stack.enter_context(server(moto, folder / "s3.log"))
        snowflake_port = stack.enter_context(server(snowflake, folder / "snowflake.log"))
        boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{s3_port}",
            region_name="eu-west-1",
            aws_access_key_id="benchmark",
            aws_secret_access_key="benchmark",  # noqa: S106 (an embedded S3)
        ).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield environment(snowflake_port, s3_port)


@contextmanager
def server(command: list[str], log: Path) -> Iterator[int]:
    """A server on a free port of 127.0.0.1, which is added to its command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with (
        log.open("wb") as output,
        subprocess.Popen([*command, str(port)], cwd=ROOT, stdout=output, stderr=output) as it,
    ):
        try:
            started = time.monotonic()
            while socket.socket().connect_ex(("127.0.0.1", port)):
                if it.poll() is not None or time.monotonic() > started + START_SECONDS:
                    sys.exit(f"{command} did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield port
        finally:
            it.terminate()


def environment(snowflake_port: int, s3_port: int) -> dict[str, str]:
    """The environment of a flow task on the local stack."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
    return {
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}",
        "NO_PROXY": "127.0.0.1",
        "RESULTS_BUCKET": BUCKET,
        "SNOWFLAKE_ACCOUNT": "fakesnow",
        "SNOWFLAKE_USER": "BENCHMARK",
        "SNOWFLAKE_PRIVATE_KEY": base64.b64encode(der).decode(),
        "SNOWFLAKE_DATABASE": "BENCHMARK",
        "SNOWFLAKE_SCHEMA": "LOADED",
        "SNOWFLAKE_WAREHOUSE": "LOADING",
        "SNOWFLAKE_ROLE": "BENCHMARK",
        "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": str(snowflake_port),
        "SNOWFLAKE_PROTOCOL": "http",
    }


def run_way(what: str, program: str, *arguments: str, **variables: str) -> list[str]:
    """Run one way's program in a process of its own, and return the words that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{what} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout.split()

"""The embedded Snowflake and S3 of the flow tests, each its own process."""

import base64
import io
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from embedded_dbt_cloud import ACCOUNT_ID, EmbeddedDbtCloud, embedded_dbt_cloud
from patience import until

SNOWFLAKE_SERVER = [sys.executable, "-m", "scripts.local_stack.snowflake.server"]


@contextmanager
def server(command: Callable[[int], list[str]], tmp_path: Path) -> Iterator[int]:
    """Run a server on a free port of 127.0.0.1 until the block is left, and give the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "server.log"
    with log.open("wb") as output, subprocess.Popen(command(port), stdout=output, stderr=output) as process:
        try:
            until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0 or process.poll() is not None)
            assert process.poll() is None, f"{command(port)} did not start:\n{log.read_text()[-2000:]}"
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def snowflake_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with server(lambda port: [*SNOWFLAKE_SERVER, "--port", str(port)], tmp_path_factory.mktemp("snow")) as port:
        yield port


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with server(
        lambda port: [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        tmp_path_factory.mktemp("moto"),
    ) as port:
        yield port


@pytest.fixture(scope="session")
def dbt_process(snowflake_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDbtCloud]:
    with embedded_dbt_cloud(snowflake_port, tmp_path_factory.mktemp("dbt") / "server.log") as process:
        yield process


@pytest.fixture(scope="session")
def private_key() -> str:
    """A base64 PKCS#8 body, the form in which the seed system keeps it."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return base64.b64encode(key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())).decode()


@dataclass
class World:
    """One test's own bucket and database; `landing` is the prefix at which files land."""

    s3: Any
    bucket: str
    database: str
    landing: str = "landing/"

    def land(self, files: dict[str, pl.DataFrame]) -> None:
        """Put landing files, then wait until S3's clock is past their LastModified."""
        for name, frame in files.items():
            self.put(f"{self.landing}{name}", frame)
        self.wait()

    def put(self, key: str, frame: pl.DataFrame) -> None:
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())

    def wait(self) -> None:
        now = datetime.now(UTC)
        time.sleep(1.02 - now.microsecond / 1e6)

    def read(self, prefix: str) -> pl.DataFrame:
        """All Parquet objects below the prefix, in order of key."""
        keys = [o["Key"] for o in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]
        bodies = [self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in sorted(keys)]
        return pl.concat(pl.read_parquet(io.BytesIO(body)) for body in bodies) if bodies else pl.DataFrame()

    def query(self, sql: str, values: Sequence[str] = ()) -> list[tuple]:
        from flows.shared import snowflake
        from flows.shared.settings import SnowflakeSettings

        with snowflake.connect(SnowflakeSettings.load(), "test", "test") as connection:
            return snowflake.execute(connection, sql, values)


@pytest.fixture
def world(snowflake_port: int, s3_port: int, private_key: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """The environment of a flow task, with an empty bucket and an empty database."""
    import boto3

    name = f"t{uuid.uuid4().hex[:12]}"
    for variable in [v for v in os.environ if v.startswith(("AWS_", "SNOWFLAKE_"))]:
        monkeypatch.delenv(variable)
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DATA_FLOWS_ENVIRONMENT": "local",
        "RESULTS_BUCKET": name,
        "SNOWFLAKE_ACCOUNT": "fakesnow",
        "SNOWFLAKE_USER": "DATA_FLOWS",
        "SNOWFLAKE_PRIVATE_KEY": private_key,
        "SNOWFLAKE_DATABASE": name.upper(),
        "SNOWFLAKE_SCHEMA": "LOADED",
        "SNOWFLAKE_WAREHOUSE": "LOADING",
        "SNOWFLAKE_ROLE": "DATA_FLOWS_LOADER",
        "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": str(snowflake_port),
        "SNOWFLAKE_PROTOCOL": "http",
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return World(s3, name, name.upper())


@pytest.fixture
def dbt(world: World, dbt_process: EmbeddedDbtCloud, monkeypatch: pytest.MonkeyPatch) -> EmbeddedDbtCloud:
    """An embedded dbt Cloud that builds in the test's database, and the variables that lead a flow to it."""
    world.query("SELECT 1")  # The first session makes the database.
    dbt_process.use(world.database)
    for name, value in {"HOST": dbt_process.address, "ACCOUNT_ID": ACCOUNT_ID, "TOKEN": dbt_process.token}.items():
        monkeypatch.setenv(f"DBT_CLOUD_{name}", str(value))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return dbt_process

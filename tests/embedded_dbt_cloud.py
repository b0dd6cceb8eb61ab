"""An embedded dbt Cloud for tests: its process, its account, and what it is asked to do wrong."""

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from patience import PATIENCE_SECONDS, until

JOBS = Path(__file__).parent / "fixtures" / "dbt"
ACCOUNT_ID = 4711


@dataclass(frozen=True)
class EmbeddedDbtCloud:
    """A running server. Calls wait long, because the machine may be busy."""

    port: int
    token: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def client(self) -> httpx.Client:
        """A client with the account's token."""
        return httpx.Client(
            base_url=f"{self.address}/api/v2/accounts/{ACCOUNT_ID}/",
            headers={"Authorization": f"Token {self.token}"},
            trust_env=False,
            timeout=PATIENCE_SECONDS,
        )

    def control(self, what: str, body: Any) -> None:
        """Set what is not dbt Cloud's: `account`, `faults` or `jobs/<id>`."""
        answer = httpx.put(
            f"{self.address}/_embedded/{what}", json=body, trust_env=False, timeout=PATIENCE_SECONDS
        )  # fmt: skip
        answer.raise_for_status()

    def use(self, database: str, schema: str = "MARTS") -> None:
        """Let the account's jobs build there, and let nothing go wrong."""
        account = {"id": ACCOUNT_ID, "token": self.token, "snowflake_account": "fakesnow"}
        self.control("account", account | {"database": database, "schema_name": schema})
        self.faults()
        for job in self.jobs():
            self.control(f"jobs/{job}", {})

    def faults(self, *faults: dict[str, Any]) -> None:
        """Let these go wrong from now on."""
        self.control("faults", faults)

    def get(self, path: str, **params: Any) -> Any:
        """What the API has at a path, of which the answer must be good."""
        return self.client.get(path, params=params).raise_for_status().json()["data"]

    def post(self, path: str, **body: Any) -> Any:
        """What the API answers to a call."""
        return self.client.post(path, json=body).raise_for_status().json()["data"]

    def jobs(self) -> dict[int, str]:
        """Id to name."""
        return {each["id"]: each["name"] for each in self.get("jobs/")}

    def job(self, name: str) -> int:
        """The id of a job."""
        return next(number for number, each in self.jobs().items() if each == name)

    def runs(self, name: str) -> list[dict[str, Any]]:
        """All runs of a job, oldest first, with their causes."""
        return self.get("runs/", job_definition_id=self.job(name), include_related='["trigger"]')

    def ended(self, run: int) -> dict[str, Any]:
        """A run with its steps, once it is over."""
        return until(
            lambda: self.get(f"runs/{run}/", include_related='["run_steps"]'), lambda each: each["is_complete"]
        )


@contextmanager
def embedded_dbt_cloud(snowflake_port: int, log: Path, jobs: Path = JOBS) -> Iterator[EmbeddedDbtCloud]:
    """Run a server on a free port until the block is left, with the jobs below a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "scripts.local_stack.dbt_cloud.server", "--port", str(port)),
        *("--snowflake-port", str(snowflake_port), "--flows", str(jobs)),
    ]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0 or process.poll() is not None)
            assert process.poll() is None, f"dbt Cloud did not start:\n{log.read_text()[-2000:]}"
            yield EmbeddedDbtCloud(port, f"dbtc_{secrets.token_urlsafe(32)}")
        finally:
            process.terminate()

"""How long registering generated flows takes: ours against `prefect deploy --all`, on one server, whole processes.

    python benchmarks/registration.py
    python benchmarks/registration.py --flows 10 --many 100

`prefect deploy --all` does not know what changed, so its second run stands for both "unchanged" and "one changed". Ours
is the command as the pipeline runs it, with its question for the gate's record in an embedded S3. Both register with a
pool of the same template, that of prefect-aws.
Exit code 1 if a figure is not reached.
"""

import argparse
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "gate")]

FOLDERS = ["before", "hundred", "thousand"]
DIGEST = "sha256:" + "a" * 64  # As the record of the tests has it.
ATTEMPTS = 3
FLOW = '''
"""Generated flow {name}."""

from prefect import flow, task
from prefect.schedules import Cron

from flows.shared.used{shared} import X


@task
def work(days: int) -> int:
    return days + X


@flow(name="{name}")
def {name}(days: int = 1) -> int:
    """Flow {name}.

    Args:
        days: How many.
    """
    return work(days)


deployments = [{name}.to_deployment(name="ours", schedule=Cron("5 * * * *", timezone="UTC"), tags=["owner:team"])]
'''
DEPLOY_ALL = [str(Path(sys.executable).with_name("prefect")), "--no-prompt", "deploy", "--all"]
IMPORT_PREFECT = [sys.executable, "-c", "from prefect import flow"]


def generate(folder: Path, count: int, prefix: str = "f") -> None:
    """A repository of `count` flow files, with a prefect.yaml that deploys the same for the peer."""
    (folder / "flows" / "shared").mkdir(parents=True, exist_ok=True)
    for package in ("flows", "flows/shared"):
        (folder / package / "__init__.py").touch()
    for number in range(10):
        (folder / f"flows/shared/used{number}.py").write_text(f"X = {number}\n")
    names = [f"{prefix}{number:04}" for number in range(count)]
    for number, name in enumerate(names):
        (folder / f"flows/{name}.py").write_text(FLOW.format(name=name, shared=number % 10).lstrip())
    deployments = [
        {
            "name": "yaml",
            "entrypoint": f"flows/{name}.py:{name}",
            "work_pool": {"name": "Peers", "job_variables": {"image": "flows:1"}},
            "tags": ["owner:team"],
            "schedules": [{"cron": "5 * * * *", "timezone": "UTC"}],
        }
        for name in names
    ]
    (folder / "prefect.yaml").write_text(json.dumps({"name": "benchmark", "deployments": deployments}))
    shutil.copytree(ROOT / "scripts", folder / "scripts")


@contextmanager
def storage() -> Iterator[None]:
    """An embedded S3 that holds what an apply for each of the folders would have left there."""
    from gate_records import gate_record
    from moto.server import ThreadedMotoServer
    from prefect_aws.workers.ecs_worker import ECSWorker

    from scripts.gate import applied_state
    from scripts.shared.environments import Environment

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "NO_PROXY": host,
    }
    for name in FOLDERS:
        os.environ["DATA_FLOWS_STATE"] = f"s3://{name}/state"
        environment = Environment(name, Path())
        place = {"LocationConstraint": os.environ["AWS_REGION"]}
        environment.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        pool = {"name": f"Benchmark-{name}", "base_job_template": ECSWorker.get_default_base_job_template()}
        facts = {"title": pool["name"], "schedules": "inactive", "result_block": f"benchmark-{name}-results"}
        outputs = {"work_pool": pool, "results_bucket": name, "facts": facts}
        applied_state.save(environment, gate_record(environment=name), outputs)
    yield
    server.stop()


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """A Prefect server on SQLite; this process and those it starts know only it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "127.0.0.1",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
    } | ({"PYTHONTZPATH": ""} if find_spec("tzdata") else {})  # As on the local stack, see prefect_server.py there.
    # Bytecode as it is on a machine that is in use, for all alike.
    for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PAGERDUTY_ROUTING_KEY", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)
    command = [str(Path(sys.executable).with_name("prefect")), "server", "start", "--host", "127.0.0.1"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen([*command, "--port", str(port)], cwd=folder, stdout=log, stderr=log)
    try:
        import httpx
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

        address = os.environ["PREFECT_API_URL"]
        patiently = Retrying(
            retry=retry_if_exception_type(httpx.HTTPError), stop=stop_after_delay(900), wait=wait_fixed(0.5)
        )
        patiently(lambda: httpx.get(f"{address}/health", timeout=60).raise_for_status())
        from prefect_aws.workers.ecs_worker import ECSWorker

        pool = {"name": "Peers", "type": "ecs", "base_job_template": ECSWorker.get_default_base_job_template()}

        def make_pool() -> None:
            answer = httpx.post(f"{address}/work_pools/", json=pool, timeout=60)
            if answer.status_code != httpx.codes.CONFLICT:  # Made by a request whose answer was lost.
                answer.raise_for_status()

        patiently(make_pool)
        yield
    finally:
        process.terminate()
        process.wait()


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds that a process took from start to end, and the end of what it said; again if a connection was lost."""
    for attempt in range(1, ATTEMPTS + 1):
        started = time.monotonic()
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if answer.returncode == 0:
            return seconds, answer.stdout.strip()
        print(
            f"  attempt {attempt} of {command[1:]} ended with {answer.returncode}: {answer.stderr[-300:]}", flush=True
        )
    sys.exit(f"{command} ended with {answer.returncode}:\n{answer.stdout[-2000:]}\n{answer.stderr[-4000:]}")


def peer(folder: Path) -> float:
    """Seconds of `prefect deploy --all`."""
    seconds, _ = timed(DEPLOY_ALL, folder)
    print(f"  {'prefect deploy --all':<28} {seconds:7.1f} s", flush=True)
    return seconds


def ours(what: str, folder: Path, *, times: int = 1, before: Callable[[], None] = lambda: None) -> float:
    """Seconds of our registration, the median of `times` with `before` ahead of each; says the requests it made."""
    os.environ["DATA_FLOWS_STATE"] = f"s3://{folder.name}/state"
    command = [sys.executable, "-m", "scripts.register_flows", "--env", folder.name, "--image-digest", DIGEST]
    runs = []
    for _ in range(times):
        before()
        runs.append(timed(command, folder))
    seconds, said = sorted(runs)[times // 2]
    requests, sums = said.splitlines()[-2:]
    print(f"  {'ours, ' + what:<28} {seconds:7.2f} s   {sums}; {requests}", flush=True)
    return seconds


def measure(folder: Path, count: int, many: int) -> list[tuple[str, float, float]]:
    """All of it. Returns each figure: what, how many times, and how many are wanted."""
    before, hundred, thousand = (folder / name for name in FOLDERS)
    generate(before, 3, "b")
    generate(hundred, count)
    generate(thousand, many, "m")
    print("once before: a server that has just started has more to do than to register")
    ours("first", before)
    peer(before)
    print(f"{count} flows, for the first time")
    first, first_of_peer = ours("first", hundred), peer(hundred)
    print(f"{count} flows, again")
    again, unchanged = peer(hundred), ours("unchanged", hundred, times=3)

    def change() -> None:
        file = hundred / "flows/f0001.py"
        file.write_text(file.read_text().replace("How many", "How many more"))

    changed = ours("one changed", hundred, times=3, before=change)
    print(f"{many} flows")
    ours("first", thousand)
    thousands = ours("unchanged", thousand, times=3)
    imported, _ = sorted(timed(IMPORT_PREFECT, folder) for _ in range(3))[1]
    print(f"  {'importing Prefect':<28} {imported:7.2f} s", flush=True)
    return [
        ("first registration against prefect deploy --all", first_of_peer / first, 5),
        ("unchanged against prefect deploy --all", again / unchanged, 8),
        ("one changed against prefect deploy --all", again / changed, 8),
        (f"{many} unchanged against importing Prefect, at most", thousands / imported, 6),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=100, help="flows to register")
    parser.add_argument("--many", type=int, default=1000, help="flows of the large repository")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, storage(), server(Path(temporary)):
        figures = measure(Path(temporary), arguments.flows, arguments.many)
    print()
    missed = False
    for what, times, wanted in figures:
        is_most = what.endswith("at most")
        missed |= times > wanted if is_most else times < wanted
        print(f"{what:<56} {times:6.1f} times   ({'at most' if is_most else 'at least'} {wanted})")
    sys.exit(missed)


if __name__ == "__main__":
    main()

"""How long registering generated flows takes: ours against Prefect's own ways, on one server, each a whole process.

    python benchmarks/registration.py
    python benchmarks/registration.py --flows 10 --many 100

Peers: `prefect deploy --all`, a loop of `flow.deploy`, and one `prefect.deploy` of all, as Prefect's guide to ECS has
them: the pool with the template of prefect-aws, the image a job variable of each deployment. None of them knows what
changed, so their second run stands for both "unchanged" and "one changed". Ours is the command as the pipeline runs
it, with its question for the gate's record in an embedded S3, in a pool of the same template, whose task definition has
the image.
Exit code 1 if a figure is not reached.
"""

import argparse
import json
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
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "scripts")]

FOLDERS = ["before", "hundred", "thousand"]
DIGEST = "sha256:" + "a" * 64  # As the record of the tests has it.
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
PEER = """
from importlib import import_module
from pathlib import Path
from prefect import deploy
from prefect.schedules import Cron

flows = [getattr(import_module(f"flows.{{file.stem}}"), file.stem) for file in sorted(Path("flows").glob("f*.py"))]
settings = dict(schedule=Cron("5 * * * *", timezone="UTC"), tags=["owner:team"])
target = dict(work_pool_name="Peers", image="flows:1", build=False, push=False)
{action}
"""
PEERS = {
    "prefect deploy --all": [str(Path(sys.executable).with_name("prefect")), "--no-prompt", "deploy", "--all"],
    "flow.deploy loop": 'for each in flows:\n    each.deploy("loop", print_next_steps=False, **settings, **target)',
    "prefect.deploy(*all)": 'deploy(*(each.to_deployment("all", **settings) for each in flows), **target)',
}


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
    (folder / "requirements").mkdir()
    shutil.copy2(ROOT / "requirements" / "runtime.txt", folder / "requirements")


@contextmanager
def storage(folder: Path, environments: list[str]) -> Iterator[None]:
    """An embedded S3 that holds what an apply of each environment would have left there."""
    from embedded_aws import EmbeddedAws
    from gate_records import gate_record
    from prefect_aws.workers.ecs_worker import ECSWorker

    from scripts.gate import applied_state
    from scripts.shared.environments import Environment

    aws = EmbeddedAws(folder / "aws")
    aws.start()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": aws.settings.aws_endpoint_url,
    }
    try:
        aws["s3"].create_bucket(
            Bucket="benchmark", CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]}
        )
        for name in environments:
            os.environ["DATA_FLOWS_STATE"] = f"s3://benchmark/{name}/state"
            environment = Environment(name, folder)
            pool = {"name": environment.title, "base_job_template": ECSWorker.get_default_base_job_template()}
            outputs = {"work_pool": pool, "results_bucket": "benchmark"}
            applied_state.save(environment, gate_record(environment=name), outputs)
        yield
    finally:
        aws.stop()


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

        patiently = Retrying(
            retry=retry_if_exception_type(httpx.HTTPError), stop=stop_after_delay(180), wait=wait_fixed(0.5)
        )
        patiently(lambda: httpx.get(f"{os.environ['PREFECT_API_URL']}/health").raise_for_status())
        from prefect_aws.workers.ecs_worker import ECSWorker

        pool = {"name": "Peers", "type": "ecs", "base_job_template": ECSWorker.get_default_base_job_template()}
        patiently(lambda: httpx.post(f"{os.environ['PREFECT_API_URL']}/work_pools/", json=pool).raise_for_status())
        yield
    finally:
        process.terminate()
        process.wait()


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds that a process took from start to end, and the end of what it said."""
    started = time.monotonic()
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if answer.returncode:
        sys.exit(f"{command} ended with {answer.returncode}:\n{answer.stdout[-2000:]}\n{answer.stderr[-4000:]}")
    return seconds, answer.stdout.strip()


def peer(name: str, folder: Path) -> float:
    """Seconds of one of the peers."""
    command = PEERS[name]
    if isinstance(command, str):
        command = [sys.executable, "-c", PEER.format(action=command)]
    seconds, _ = timed(command, folder)
    print(f"  {name:<28} {seconds:7.1f} s", flush=True)
    return seconds


def ours(what: str, folder: Path, *, times: int = 1, before: Callable[[], None] = lambda: None) -> float:
    """Seconds of our registration, the median of `times` with `before` ahead of each; says the requests it made."""
    os.environ["DATA_FLOWS_STATE"] = f"s3://benchmark/{folder.name}/state"
    command = [sys.executable, "-m", "scripts.register_flows", "--env", folder.name, "--image-digest", DIGEST]
    runs = []
    for _ in range(times):
        before()
        runs.append(timed(command, folder))
    seconds, said = sorted(runs)[times // 2]
    requests, sums = said.splitlines()[-2:]
    print(f"  {'ours, ' + what:<28} {seconds:7.2f} s   {sums}; {requests}", flush=True)
    return seconds


def bare(count: int) -> float:
    """Seconds in which Prefect answers the two requests that a new flow with a deployment takes, and nothing is done
    beside sending them: no client that goes through its API can be faster."""
    import httpx

    parameters = {"type": "object", "properties": {"days": {"type": "integer", "default": 1}}}
    deployment = {
        "name": "bare",
        "entrypoint": "flows/f.py:f",
        "work_pool_name": "Peers",
        "tags": ["owner:team"],
        "parameter_openapi_schema": parameters,
        "schedules": [{"schedule": {"cron": "5 * * * *", "timezone": "UTC"}, "active": False}],
    }

    def post(path: str, content: dict[str, object]) -> dict[str, str]:
        while (answer := client.post(path, json=content)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
            pass  # SQLite is busy for some milliseconds.
        return answer.raise_for_status().json()

    with httpx.Client(base_url=f"{os.environ['PREFECT_API_URL']}/", timeout=60) as client:
        started = time.monotonic()
        for number in range(count):
            post("deployments/", deployment | {"flow_id": post("flows/", {"name": f"bare{number}"})["id"]})
        seconds = time.monotonic() - started
    print(f"  {'the requests alone':<28} {seconds:7.2f} s", flush=True)
    return seconds


def measure(folder: Path, count: int, many: int) -> list[tuple[str, float, float]]:
    """All of it. Returns each figure: what, how many times, and how many are wanted."""
    before, hundred, thousand = (folder / name for name in FOLDERS)
    generate(before, 3, "b")
    generate(hundred, count)
    generate(thousand, many, "m")
    print("a server that has just started has more to do than to register: once before")
    ours("first", before)
    peer("prefect deploy --all", before)
    print(f"{count} flows, for the first time")
    first = ours("first", hundred)
    alone = bare(count)
    peers = {name: peer(name, hundred) for name in PEERS}
    print(f"{count} flows, again")
    again = peer("prefect deploy --all", hundred)
    unchanged = ours("unchanged", hundred, times=3)
    ours("unchanged, not remembered", hundred, before=(hundred / "build" / hundred.name / "flows.json").unlink)

    def change(old: str, new: str) -> Callable[[], None]:
        file = hundred / "flows/f0001.py"
        return lambda: file.write_text(file.read_text().replace(old, new))

    changed = ours("one changed", hundred, times=3, before=change("return ", "return 1 + "))
    imported = ours("one described anew", hundred, times=3, before=change("How many", "How many more"))
    print(f"{many} flows")
    ours("first", thousand)
    thousands = ours("unchanged", thousand, times=3)
    return [
        *(
            (f"first registration against {name}", seconds / first, 12 if "--all" in name else 1)
            for name, seconds in peers.items()
        ),
        ("first registration against the requests alone, at most", first / alone, 1.8),
        ("the requests alone against prefect deploy --all", peers["prefect deploy --all"] / alone, 1),
        ("unchanged against prefect deploy --all", again / unchanged, 30),
        ("one changed against prefect deploy --all", again / changed, 25),
        ("one described anew against prefect deploy --all", again / imported, 1),
        (f"{many} unchanged against {count} unchanged, at most", thousands / unchanged, 3),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=100, help="flows to register")
    parser.add_argument("--many", type=int, default=1000, help="flows of the large repository")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, storage(Path(temporary), FOLDERS), server(Path(temporary)):
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

"""How long registering generated flows takes: ours against Prefect's own ways, on one server, each a whole process.

    python benchmarks/registration.py
    python benchmarks/registration.py --flows 10 --many 100

Peers: `prefect deploy --all`, a loop of `flow.deploy`, and one `prefect.deploy` of all, as Prefect's guide to ECS has
them: the pool with the template of prefect-aws, the image a job variable of each deployment. None of them knows what
changed, so their second run stands for both "unchanged" and "one changed". Ours is the command after the gate's
question to S3, in a pool of the same template, whose task definition has the image.
Exit code 1 if a figure is not reached.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

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
    """Write `count` flow files, what they share, and a prefect.yaml that deploys the same for the peer."""
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
    for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PAGERDUTY_ROUTING_KEY"):
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

        template = ECSWorker.get_default_base_job_template()
        (folder / "template.json").write_text(json.dumps(template))
        pool = {"name": "Peers", "type": "ecs", "base_job_template": template}
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


def ours(what: str, folder: Path, *, times: int = 1) -> float:
    """Seconds of our registration, the median of `times`; says the requests it made."""
    runs = sorted(timed([sys.executable, __file__, "--register", str(folder)], folder) for _ in range(times))
    seconds, said = runs[len(runs) // 2]
    requests, sums = said.splitlines()[-2:]
    print(f"  {'ours, ' + what:<28} {seconds:7.1f} s   {sums}; {requests}", flush=True)
    return seconds


def register(folder: Path) -> None:
    """What `scripts.register_flows` does once the gate's record is read."""
    from scripts.environments import Environment
    from scripts.register_flows import print_report
    from scripts.registration.api import Prefect
    from scripts.registration.loading import load
    from scripts.registration.run import Facts, Options
    from scripts.registration.run import register as bring

    environment = Environment(folder.name, folder / "build")
    template = json.loads((folder.parent / "template.json").read_text())
    facts = Facts(environment, environment.title, template, "digest commit")
    loaded = load(environment.name, folder, environment.directory / "flows.json")

    async def run() -> None:
        async with Prefect() as prefect:
            print_report(await bring(folder, loaded, facts, Options(), prefect), dry_run=False)

    asyncio.run(run())


def measure(folder: Path, count: int, many: int) -> list[tuple[str, float, float]]:
    """All of it. Returns each figure: what, how many times, and how many are wanted."""
    hundred, thousand = folder / "first", folder / "many"
    generate(hundred, count)
    generate(thousand, many, "m")
    generate(folder / "before", 3, "b")
    print("a server that has just started has more to do than to register: once before")
    ours("first", folder / "before")
    peer("prefect deploy --all", folder / "before")
    print(f"{count} flows, for the first time")
    first = ours("first", hundred)
    peers = {name: peer(name, hundred) for name in PEERS}
    print(f"{count} flows, again")
    again = peer("prefect deploy --all", hundred)
    unchanged = ours("unchanged", hundred, times=3)
    (hundred / "build" / "flows.json").unlink()
    ours("unchanged, not remembered", hundred)
    (hundred / "flows/f0001.py").write_text((hundred / "flows/f0001.py").read_text() + "# changed\n")
    changed = ours("one changed", hundred)
    print(f"{many} flows")
    ours("first", thousand)
    thousands = ours("unchanged", thousand, times=3)
    return [
        *(
            (f"first registration against {name}", seconds / first, 12 if "--all" in name else 1)
            for name, seconds in peers.items()
        ),
        ("unchanged against prefect deploy --all", again / unchanged, 30),
        ("one changed against prefect deploy --all", again / changed, 25),
        (f"{many} unchanged against {count} unchanged, at most", thousands / unchanged, 3),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=100, help="flows to register")
    parser.add_argument("--many", type=int, default=1000, help="flows of the large repository")
    parser.add_argument("--register", type=Path, help=argparse.SUPPRESS)  # The process that is measured.
    arguments = parser.parse_args()
    if arguments.register:
        register(arguments.register)
        return
    with tempfile.TemporaryDirectory() as temporary, server(Path(temporary)):
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

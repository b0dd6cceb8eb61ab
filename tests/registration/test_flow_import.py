"""Every file of flows/ is found with its deployments, or told with what is wrong with it, and none hurts another."""

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from patience import eventually

from scripts.registration import flow_import
from scripts.registration.flow_description import UNFAILING
from scripts.registration.flow_import import FlowImport, Imported
from scripts.shared.environments import ROOT

HEAD = """
from datetime import date

from prefect import flow
from prefect.schedules import Cron

@flow
def good(days: int = 1, *, names: list[str] | None = None, since: date | None = None):
    '''Do good.

    Args:
        days: How many.
        names: Whose.
        since: The first.
    '''

"""
OWNED = "tags=['owner:team']"
GOOD = f"{HEAD}deployments = [good.to_deployment('daily', {OWNED})]\n"
REMEDY = (
    "expected `deployments = [my_flow.to_deployment(name=…), …]` at its end; what flows share belongs in flows/shared/."
)
# name of a file: its content, what is said after its name
WRONG = {
    "nothing": ("x = 1\n", f": got no `deployments`; {REMEDY}"),
    "none_in_it": ("deployments = []\n", f": got an empty `deployments`; {REMEDY}"),
    "no_list": (GOOD.replace("[good", "good").replace(")]", ")"), f": got RunnerDeployment `deployments`; {REMEDY}"),
    "a_flow": (f"{HEAD}deployments = [good]\n", f": got Flow in `deployments`; {REMEDY}"),
    "foreign": (
        "from flows import fine\ndeployments = [fine.good.to_deployment('daily')]\n",
        f": got a deployment of good, which is no flow of this file; {REMEDY}",
    ),
    "missing": (
        "import os\nimport no_such_module\n",
        ":2: got an import of no_such_module, which is not installed; expected a library of the image: "
        "`make add PKG=no_such_module`.",
    ),
    "syntax": (
        "x = 1\n\ndef broken(:\n",
        ":3: got `def broken(:`, a syntax error (invalid syntax); expected Python: correct this line or the one before "
        "it.",
    ),
    "sharing": (
        "from flows.shared import broken\n",
        f": import failed: ZeroDivisionError: division by zero (flows/shared/broken.py:2); {UNFAILING}.",
    ),
    "bad_cron": (
        f"{HEAD}deployments = [good.to_deployment('x', schedule=Cron('every day'))]\n",
        f': import failed: ValueError: Invalid cron string: "every day" (flows/bad_cron.py:17); {UNFAILING}.',
    ),
    "leaves": (
        "import sys\n\nsys.exit('no variable FOO')\n",
        f": import failed: SystemExit: no variable FOO (flows/leaves.py:3); {UNFAILING}.",
    ),
    "runs": (
        f"{HEAD}good()\ndeployments = [good.to_deployment('x')]\n",
        f": import failed: ValueError: No Prefect API URL provided. Please set PREFECT_API_URL to the address of a "
        f"running Prefect server. (flows/runs.py:17); {UNFAILING}.",
    ),
    "interrupts": (
        "raise KeyboardInterrupt\n",
        f": import failed: KeyboardInterrupt:  (flows/interrupts.py:1); {UNFAILING}.",
    ),
    "dies": (
        "import os\nos.write(2, b'caf\\xe9')\nos._exit(7)\n",
        ": import ended the process (exit 7); expected nothing to run at import.",
    ),
    "hangs": (
        "import time\n\ntime.sleep(9999)\n",
        ": import took more than 10 s; expected nothing to run at import (flows/hangs.py:3).",
    ),
    "twice": (
        f"{HEAD}deployments = [good.with_options(name='t').to_deployment('d', {OWNED}) for _ in 'ab']\n",
        ":17: got 2 deployments named t/d; expected names to differ.",
    ),
    "team/orders/deep": (
        "from flows.team.orders import missing\n",
        f": import failed: ImportError: cannot import name 'missing' from 'flows.team.orders' (unknown location) "
        f"(flows/team/orders/deep.py:1); {UNFAILING}.",
    ),
    "shared/lost/hidden": (
        f"{GOOD}",
        ":17: got `deployments` in flows/shared/; expected no flow there: move it elsewhere in flows/.",
    ),
}
UNFIT = {
    "tags=[]": "got no tags; expected one that names its owner: owner:<team>.",
    "tags=['owner:x', 'time-limit:2']": (
        "got the tag time-limit:2; expected time-limit:<minutes, hours or days>, such as time-limit:90m, time-limit:2h "
        "or time-limit:1d."
    ),
    "tags=['owner:x', 'late:twice']": "got the tag late:twice; expected late:once.",
    "tags=['owner:']": "got owner:; expected one that names its owner: owner:<team>.",
    "schedule=Cron('5 * * * *')": (
        'schedule 1: got no time zone; expected one, such as timezone="Europe/Dublin" or "UTC".'
    ),
    "parameters={'day': 2}": "parameter day: the flow does not take it; expected days, names, since.",
    "parameters={'days': 'two'}": "parameter days: 'two' is not of type 'integer'; expected what the flow takes.",
    "parameters={'names': [1]}": (
        "parameter names: [1] is not valid under any of the given schemas; expected what the flow takes."
    ),
    "parameters={'since': 'tomorrow'}": (
        "parameter since: 'tomorrow' is not valid under any of the given schemas; expected what the flow takes."
    ),
    "schedule=Cron('5 * * * *', timezone='UTC', parameters={'days': 'x'})": (
        "schedule 1: parameter days: 'x' is not of type 'integer'; expected what the flow takes."
    ),
    "work_pool_name='other'": "got work_pool_name; expected none: the work pool is the environment's.",
}


def load(root) -> Imported:
    """What the flow files below `root` hold."""
    with FlowImport("dev", root) as importing:
        return importing.result()


def write(root, files):
    (root / "flows" / "shared").mkdir(parents=True, exist_ok=True)
    for name, text in {"__init__": "", "shared/__init__": "", **files}.items():
        path = root / "flows" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """A folder with good files and every kind of wrong one between them."""
    root = tmp_path_factory.mktemp("root")
    files = {name: text for name, (text, _) in WRONG.items()}
    write(
        root,
        {
            "fine": GOOD,
            "team/zuletzt": GOOD.replace("daily", "last").replace("@flow", "@flow(name='last')"),
            "shared/broken": "x = 1\ny = 1 / 0\n",
            "_draft": "broken(",
            "team/_drafts/draft": "broken(",
            **files,
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow_import, "IMPORT_SECONDS", 10)
        return load(root)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_with_its_name_its_error_and_its_line(wrong, name):
    assert f"flows/{name}.py{WRONG[name][1]}" in wrong.problems


def test_all_wrong_files_are_told_at_once_and_the_others_are_found_all_the_same(wrong):
    assert sorted(wrong.problems) == sorted(f"flows/{name}.py{said}" for name, (_, said) in WRONG.items())
    assert {each["file"] for each in wrong.deployments} == {"flows/fine.py", "flows/twice.py", "flows/team/zuletzt.py"}


BARE = """
from prefect import flow
from prefect.schedules import Cron

@flow
def bare(days: int):
    pass

deployments = [bare.to_deployment('d', tags=['owner:x'], schedule=Cron('5 * * * *', timezone='UTC'))]
"""


def test_what_does_not_fit_is_told_with_file_and_deployment_and_all_of_it_at_once(tmp_path):
    deployments = [
        f"good.to_deployment('d{number}', {given if 'tags' in given else f'{OWNED}, {given}'})"
        for number, given in enumerate(UNFIT)
    ]
    write(tmp_path, {"unfit": f"{HEAD}deployments = [{', '.join(deployments)}]\n", "bare": BARE})
    assert load(tmp_path).problems == [
        "flows/bare.py:6: flow bare: got no description; expected one: the flow's docstring.",
        "flows/bare.py:6: flow bare: parameter days: got no description; expected one under `Args:` in the flow's "
        "docstring.",
        "flows/bare.py:9: deployment d: schedule 1: got no value for days; expected one: no default and nobody to ask.",
        *(f"flows/unfit.py:17: deployment d{number}: {said}" for number, said in enumerate(UNFIT.values())),
    ]


def test_a_flow_of_any_depth_has_its_path_as_entrypoint_and_its_docstring_as_description(wrong):
    [deployment] = [each for each in wrong.deployments if each["file"] == "flows/team/zuletzt.py"]
    assert deployment["entrypoint"] == "flows/team/zuletzt.py:good"
    assert (deployment["flow_name"], deployment["name"]) == ("last", "last")
    assert deployment["description"] == "Do good."


def test_two_flows_of_one_name_are_refused(tmp_path):
    write(tmp_path, {"one": GOOD, "team/two": GOOD})
    assert load(tmp_path).problems == [
        "flows/one.py:17, flows/team/two.py:17: got 2 flows named good; expected names to differ: @flow(name=…)."
    ]


def test_without_any_flow_file_nothing_is_found_and_nothing_wrong(tmp_path):
    assert load(tmp_path) == Imported([], [])


DATA = """
import dataframely as dy
from flows.shared.data.export import Export
from flows.shared.data.landing import Landing

class Row(dy.Schema):
    id = dy.Int64()

LANDED = Landing(name="landed", rows=Row, key=["id"], prefix="landing/x/", table="LANDED", schema="SEA")
SENT = Export(name="sent", rows=Row, query="SELECT ID FROM LANDED", prefix="export/sent/")
"""


def test_data_sets_and_exports_are_told_wherever_flows_keep_them_and_each_once(tmp_path):
    """A setup of Snowflake is made from them."""
    shutil.copytree(ROOT / "flows" / "shared", tmp_path / "flows" / "shared")
    write(tmp_path, {"_data": DATA, "one": f"from flows import _data\n{GOOD}", "two": GOOD.replace("good", "other")})
    found = load(tmp_path)
    assert found.problems == []
    assert list(found.data) == [
        {"kind": "landing", "name": "landed", "schema": "SEA", "table": "LANDED"},
        {"kind": "export", "name": "sent", "query": "SELECT ID FROM LANDED"},
    ]


# Each of these would spoil the next one, were they not kept apart.
UNRULY = {
    "a_prints": "import os\nprint('{}', flush=True)\nos.write(1, b'noise')\n",
    "a_reads": "import sys\nassert not sys.stdin.read()\n",
    "b_changes": "import os, sys\nos.environ['LEFT'] = 'behind'\nos.chdir('/')\nsys.path.clear()\n",
    "c_is_clean": "import os\nassert 'LEFT' not in os.environ\nassert os.getcwd() != '/'\n",
    "d_threads": "import threading, time\nthreading.Thread(target=time.sleep, args=(9999,)).start()\n",
    "e_forks": "import os, time\nif os.fork() == 0:\n    time.sleep(9999)\n",
    "f_spies": "import os\nassert 'secret' not in os.environ.values()\n",
    "g_asks": "import os\nassert os.environ['DATA_FLOWS_ENVIRONMENT'] == 'dev'\n",
}


@pytest.fixture(scope="module")
def unruly(tmp_path_factory):
    """What is loaded of unruly files, and the folder."""
    root = tmp_path_factory.mktemp("unruly")
    write(root, {name: text + GOOD.replace("@flow", f"@flow(name='{name}')") for name, text in UNRULY.items()})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PREFECT_API_KEY", "AWS_SECRET_ACCESS_KEY", "PAGERDUTY_ROUTING_KEY", "PREFECT_API_URL"):
            patch.setenv(name, "secret")
        return load(root), root


def test_a_file_that_prints_reads_threads_or_changes_the_process_hurts_nobody(unruly):
    loaded, _ = unruly
    assert loaded.problems == []
    assert [each["file"] for each in loaded.deployments] == [f"flows/{name}.py" for name in UNRULY]


def running(root):
    """Command lines of processes that have to do with a folder."""
    commands = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            commands.append((folder / "cmdline").read_text())
    return [command for command in commands if str(root) in command]


@eventually
def assert_nothing_runs(root):
    """Soon: what is killed takes a moment to be gone."""
    assert not running(root)


def test_no_process_is_left_behind(unruly):
    _, root = unruly
    assert_nothing_runs(root)


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """A repository whose only flow file makes the file `begun` and then hangs, and has the time to."""
    monkeypatch.setattr(flow_import, "IMPORT_SECONDS", 9999)
    write(tmp_path, {"hangs": f"import time\nopen({str(tmp_path / 'begun')!r}, 'w')\ntime.sleep(9999)\n"})
    return tmp_path


@eventually
def wait_until_hanging(root):
    assert (root / "begun").exists()


def test_an_interruption_while_flows_are_imported_does_not_wait_for_them(hanging):
    """Not even if, as importing polars does, a library lets the system go on waiting after Ctrl-C."""

    def interrupt():
        wait_until_hanging(hanging)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    signal.siginterrupt(signal.SIGINT, False)
    thread = threading.Thread(target=interrupt)
    with FlowImport("dev", hanging) as importing:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            importing.result()
        assert running(hanging)
    signal.siginterrupt(signal.SIGINT, True)
    thread.join()
    assert_nothing_runs(hanging)


KILLED = """
import sys
from pathlib import Path
from scripts.registration import flow_import

flow_import.IMPORT_SECONDS = 9999
flow_import.FlowImport("dev", Path(sys.argv[1])).result()
"""


def test_a_registration_that_is_killed_leaves_no_import_behind(hanging):
    process = subprocess.Popen([sys.executable, "-c", KILLED, hanging], cwd=ROOT)
    wait_until_hanging(hanging)
    process.kill()
    process.wait()
    assert_nothing_runs(hanging)


def test_a_deployment_that_must_not_be_restarted_has_that_in_its_tasks_environment(tmp_path):
    never = "tags=['owner:x', 'restart:never'], job_variables={'cpu': 512, 'env': {'A': '1'}}"
    write(tmp_path, {"fine": f"{HEAD}deployments = [good.to_deployment('a', {never})]\n"})
    [found] = load(tmp_path).deployments
    env = {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "crash", "A": "1"}
    assert found["job_variables"] == {"cpu": 512, "env": env}


def test_scheduled_runs_follow_one_another_unless_the_deployment_says_otherwise(tmp_path):
    hourly = f"schedule=Cron('5 * * * *', timezone='UTC'), {OWNED}"
    made = f"good.to_deployment('a', {OWNED}), good.to_deployment('b', {hourly})"
    many = f"good.to_deployment('c', {hourly}, concurrency_limit=3)"
    write(tmp_path, {"fine": f"{HEAD}from prefect.schedules import Cron\ndeployments = [{made}, {many}]\n"})
    found = {each["name"]: each for each in load(tmp_path).deployments}
    assert [found[name]["concurrency_limit"] for name in "abc"] == [None, 1, 3]
    assert found["b"]["concurrency_options"] == {"collision_strategy": "ENQUEUE", "grace_period_seconds": None}

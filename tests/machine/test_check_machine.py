"""`make doctor` says of each thing whether it is well, and what to do if not; also where nothing is installed."""

import ast
import datetime
import re
import socket
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from botocore.exceptions import EndpointConnectionError

from scripts import check_machine
from scripts.local_stack.supervisor import processes
from scripts.machine import environment_checks, looking, machine_checks
from scripts.machine.looking import Check, look
from scripts.shared import terraform
from scripts.shared.environments import ROOT, Environment, find_environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
URL = "https://prefect.amber.example.com/api"


def raises(error):
    def check():
        raise error

    return check


def test_each_check_is_a_line_and_one_that_fails_stops_no_other():
    checks = [
        Check("a", lambda: "fine"),
        Check("b", raises(Refusal("got x;\nexpected y: do z."))),
        Check("c", raises(ModuleNotFoundError("No module named 'psutil'"))),
        Check("d", raises(EndpointConnectionError(endpoint_url="https://sts"))),
    ]
    assert list(look(checks)) == [
        ("ok", "a", "fine"),
        ("problem", "b", "got x; expected y: do z."),
        ("unknown", "c", "not looked at, because of No module named 'psutil': run `make setup`."),
        ("unknown", "d", 'no answer: Could not connect to the endpoint URL: "https://sts"'),
    ]


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([lambda: ""], 0),
        ([lambda: "", raises(ImportError("x"))], 2),
        ([raises(Refusal("x")), raises(ImportError("x"))], 1),
    ],
)
def test_the_exit_code_is_that_of_every_command(checks, code):
    assert looking.exit_code(list(look([Check("", each) for each in checks]))) == code


def test_it_works_as_far_as_it_can_with_nothing_installed(tmp_path):
    """Isolated, and without site-packages."""
    code = f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[1:] = []; "
    code += "runpy.run_module('scripts.check_machine', run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", code]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    states = {line.split()[1]: line.split()[0] for line in answer.stdout.splitlines()}
    assert answer.stderr == ""
    assert {"Python", "git", "make", "packages", "Terraform", "provider", "disk", "proxy", "secrets"} <= set(states)
    assert (states["Python"], states["git"], states["memory"], states["local"]) == ("ok", "ok", "unknown", "unknown")
    assert answer.returncode in (1, 2)


def test_a_too_old_python_can_read_as_far_as_being_told():
    source = (ROOT / "scripts" / "check_machine.py").read_text()
    ast.parse(source, feature_version=(3, 8))
    assert source.index("sys.version_info < (3, 11)") < source.index("from scripts.")


def test_an_unknown_environment_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["check_machine", "--env", "amebr"])
    with pytest.raises(Refusal, match='ENV is "amebr"; expected one of amber, local, violet'):
        check_machine.main()


def program(folder, name, said, code=0):
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nprint({said!r})\nsys.exit({code})")
    path.chmod(0o755)


def test_programs_are_found_by_their_version(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal, match="got no git on PATH; expected it: install it"):
        machine_checks.version_of("git", "install it.")
    program(tmp_path, "git", "git version 2.39.5\nmore")
    assert machine_checks.version_of("git", "") == f"git version 2.39.5 ({tmp_path}/git)"
    program(tmp_path, "git", "no licence", 69)
    with pytest.raises(Refusal, match=f"got no licence from {tmp_path}/git; expected one that works: accept it"):
        machine_checks.version_of("git", "accept it.")


@pytest.mark.parametrize(
    ("said", "is_good"), [("Python 3.10.13", False), ("Python 3.9.6", False), ("Python 3.14.0", True)]
)
def test_the_python_that_makes_the_environments_must_be_new_enough(monkeypatch, tmp_path, said, is_good):
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "python3", said)
    if is_good:
        assert said in machine_checks.version_of("python3", "")
    else:
        with pytest.raises(Refusal, match=f"got {said} from .*: install Python 3.11"):
            machine_checks.version_of("python3", "install Python 3.11")


def test_environments_that_are_not_of_the_locks_are_named(tmp_path):
    """By what `make setup` itself goes by, in a repository where it has not run."""
    for file in (
        "scripts/setup_environments.py",
        "requirements/uv.txt",
        "requirements/dev.txt",
        "requirements/checkov.txt",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    with pytest.raises(Refusal) as refused:
        machine_checks.packages(sys.executable, tmp_path)
    assert str(refused.value) == "got .venv and .venv-checkov not made from the lock; run `make setup`."
    assert not (tmp_path / ".venv").exists()
    with pytest.raises(Refusal, match="not looked at without no-python"):
        machine_checks.packages("no-python", tmp_path)


def test_it_says_where_the_provider_comes_from(monkeypatch, tmp_path):
    monkeypatch.setattr(terraform, "mirror_places", lambda: [tmp_path])
    assert machine_checks.provider().endswith("in no mirror: Terraform's registry will be asked")
    (tmp_path / terraform.PROVIDER / terraform.locked_version()).mkdir(parents=True)
    assert machine_checks.provider().endswith(f"from {tmp_path}")


def test_too_little_disk_or_memory_is_told_with_how_much(tmp_path):
    assert re.fullmatch(r"\d+ GiB free", machine_checks.disk(tmp_path, 0))
    with pytest.raises(Refusal, match=r"got [\d.]+ GiB free at .*; expected 1000000 or more: delete something"):
        machine_checks.disk(tmp_path, 1_000_000)
    assert re.fullmatch(r"\d+ GiB available", machine_checks.memory(0))
    with pytest.raises(Refusal, match=r"got [\d.]+ GiB available; expected 1000000 or more"):
        machine_checks.memory(1_000_000)


def test_a_proxy_is_told_without_its_password(monkeypatch):
    for name in machine_checks.PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    assert machine_checks.proxies() == "none"
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hidden@proxy.example.com:3128")
    monkeypatch.setenv("http_proxy", "proxy.example.com")
    said = machine_checks.proxies()
    assert said == "http_proxy proxy.example.com, HTTPS_PROXY proxy.example.com:3128, not for 127.0.0.1"
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hidden@proxy:31x28")
    with pytest.raises(Refusal, match="HTTPS_PROXY is no address; expected one such as") as refused:
        machine_checks.proxies()
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(("mode", "is_good"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)])
def test_a_file_of_secrets_is_its_owners_alone(tmp_path, mode, is_good):
    path = tmp_path / ".secrets.env"
    assert machine_checks.secrets_file(path) == "no .secrets.env"
    path.touch(mode)
    path.chmod(mode)
    if is_good:
        assert machine_checks.secrets_file(path) == ".secrets.env is yours alone"
    else:
        with pytest.raises(Refusal, match=f"has mode {mode:04o}; expected 0600: chmod 600 .secrets.env"):
            machine_checks.secrets_file(path)


@pytest.fixture
def settings(tmp_path):
    """A stack whose AWS port somebody holds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield LocalSettings(directory=tmp_path, aws_port=server.getsockname()[1])


def test_a_port_that_somebody_else_holds_is_told_with_who(settings):
    with pytest.raises(Refusal, match=rf"Port {settings.aws_port} is used by pid \d+ .*DATA_FLOWS_AWS_PORT=<port>"):
        environment_checks.port(settings, "aws_port")


def test_a_port_of_the_own_stack_is_well_and_so_is_a_free_one(settings, monkeypatch):
    holder = processes.psutil.Process()
    monkeypatch.setattr(processes, "find_marked", lambda _, value: [holder] if value == str(settings.directory) else [])
    held = f"{settings.aws_port} is held by the stack of {settings.directory}, which runs"
    assert environment_checks.port(settings, "aws_port") == held
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    assert environment_checks.port(settings.model_copy(update={"aws_port": free}), "aws_port") == f"{free} is free"


def test_local_is_asked_nothing_but_127_0_0_1(monkeypatch):
    asked = []
    monkeypatch.setattr(httpx, "head", lambda address, **_: asked.append(address) or answer())
    monkeypatch.setattr(Environment, "client", raises(AssertionError("AWS was asked")))
    checks = environment_checks.checks("local")
    assert {check.name for check in checks} >= {"facts", "aws port", "prefect port", "clock"}
    list(look([check for check in checks if "port" not in check.name]))
    assert [re.match(r"http://127\.0\.0\.1:\d+$", address) is not None for address in asked] == [True]


def test_a_wrong_setting_of_the_stack_is_one_problem_among_the_others(monkeypatch):
    monkeypatch.setenv("DATA_FLOWS_AWS_PORT", "no port")
    lines = list(look(environment_checks.checks("local")))
    assert lines == [("problem", "settings", "DATA_FLOWS_AWS_PORT: got 'no port'; expected a port from 1 to 65535")]


def answer(status=200, seconds_off=0):
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds_off)
    return SimpleNamespace(status_code=status, headers={"Date": now.strftime("%a, %d %b %Y %H:%M:%S GMT")})


@pytest.mark.parametrize(("off", "is_good"), [(0, True), (-30, True), (600, False), (-600, False)])
def test_a_clock_that_aws_would_refuse_is_told(monkeypatch, off, is_good):
    monkeypatch.setattr(httpx, "head", lambda *_, **__: answer(seconds_off=off))
    if is_good:
        assert "s from https://sts.eu-central-1.amazonaws.com" in environment_checks.clock(find_environment("amber"))
    else:
        with pytest.raises(
            Refusal, match=r"got a time (599|60\d) s from that of .*; expected at most 60: set the clock"
        ):
            environment_checks.clock(find_environment("amber"))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, f"{URL} answers; work pool HarborFlows-Amber is registered"),
        (404, f"{URL} answers; work pool HarborFlows-Amber is not registered yet"),
    ],
)
def test_the_environments_prefect_answers(monkeypatch, status, said):
    asked = []
    monkeypatch.setenv("PREFECT_API_URL", f"{URL}/")
    monkeypatch.setenv("PREFECT_API_KEY", "k")
    monkeypatch.setattr(httpx, "get", lambda *given, **options: asked.append((given, options)) or answer(status))
    assert environment_checks.prefect(find_environment("amber")) == said
    ((address,), options) = asked[0]
    assert (address, options["headers"]) == (f"{URL}/work_pools/HarborFlows-Amber", {"Authorization": "Bearer k"})


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ("", 200, f"PREFECT_API_URL is not set; expected {URL}"),
        ("https://other.example.com/api", 200, f"PREFECT_API_URL is https://other.example.com/api; expected {URL}"),
        (URL, 401, r"does not accept the credential \(401\); expected .*: set PREFECT_API_KEY\."),
        (URL, 502, "answers 502; expected a Prefect API"),
    ],
)
def test_another_prefect_or_one_that_refuses_is_told(monkeypatch, given, status, said):
    monkeypatch.setenv("PREFECT_API_URL", given)
    monkeypatch.setattr(httpx, "get", lambda *_, **__: answer(status))
    with pytest.raises(Refusal, match=said):
        environment_checks.prefect(find_environment("amber"))


def test_credentials_of_another_account_are_told(monkeypatch):
    identity = {"Account": "111111111111", "Arn": "arn"}
    monkeypatch.setattr(Environment, "client", lambda *_: SimpleNamespace(get_caller_identity=lambda: identity))
    lines = {
        line.name: line for line in look([each for each in environment_checks.checks("amber") if each.name == "AWS"])
    }
    assert lines["AWS"].state == "problem"
    assert "Got AWS credentials of account 111111111111; expected account 515151515151" in lines["AWS"].text

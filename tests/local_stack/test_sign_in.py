"""`make open` signs a real browser in, and nobody but the page of the local Prefect gets the credential."""

import base64
import os
import stat
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from browser import Window, arguments
from embedded_aws import free_ports
from patience import until

from scripts import open_prefect
from scripts.local_stack import sign_in
from scripts.local_stack.supervisor import supervision
from scripts.shared.local_settings import REPOSITORY, LocalSettings, variable
from scripts.shared.refusal import Refusal


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A running local stack with nothing in it."""
    names = ("aws_port", "snowflake_port", "dbt_port", "prefect_port", "agent_health_port")
    ports = dict(zip(names, free_ports(5), strict=True))
    settings = LocalSettings(directory=tmp_path_factory.mktemp("stack"), **ports)
    try:
        supervision.start(settings)
        yield settings
    finally:
        supervision.stop(settings)


@pytest.fixture
def window(tmp_path):
    window = Window(tmp_path)
    yield window
    window.close()


def open_prefect_of(stack, *arguments_, **variables):
    """The command as a user runs it."""
    chosen = {variable(name): str(port) for name, port in stack.ports().items()}
    chosen |= {variable("directory"): str(stack.directory), "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""}
    command = [sys.executable, "-m", "scripts.open_prefect", *arguments_]
    return subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | chosen | variables, capture_output=True, text=True, check=False
    )


def test_the_browser_shows_the_dashboard_and_no_login(stack, window):
    answer = open_prefect_of(stack, BROWSER=f"{window.command} %s &")
    assert (answer.stdout, answer.stderr, answer.returncode) == (f"Signed in: {stack.prefect_url}\n", "", 0)
    until(lambda: "Run a task or flow to get started" in (window.ask("document.body.innerText") or ""))
    assert window.ask("location.href").startswith(f"{stack.prefect_url}/")
    assert window.ask("document.querySelector('input[type=password]')") is None
    user_and_password = stack.prefect_auth_string()
    assert window.ask("atob(localStorage.getItem('prefect-password'))") == user_and_password
    password = user_and_password.partition(":")[2]
    for secret in (password, base64.b64encode(user_and_password.encode()).decode()):
        assert not any(secret in argument for process in window.processes() for argument in arguments(process))
        assert secret not in window.ask("location.href + document.documentElement.outerHTML")
        for path in [*stack.directory.rglob("*"), *window.profile.rglob("History*")]:
            if path.is_file() and path != stack.prefect_auth_file:
                assert secret.encode() not in path.read_bytes(), path
    assert not (stack.directory / "open.html").exists()


def test_without_it_the_page_asks_for_the_credential(stack, window):
    """Otherwise the test above would show nothing."""
    process = subprocess.Popen([window.command, stack.prefect_url], stdout=subprocess.DEVNULL)
    until(lambda: window.ask("document.querySelector('input[type=password]') !== null"))
    window.close()
    process.wait()


class Waiting:
    """A browser that is told an address, and in whose place the test asks."""

    def __init__(self, look):
        self.look = look

    def open(self, address):
        page = address.removeprefix("file://")
        assert stat.S_IMODE(os.stat(page).st_mode) == 0o600  # noqa: PTH116 - the address is no Path.
        text = open(page).read()  # noqa: PTH123, SIM115
        self.look(*text.partition("#")[2].partition('"')[0].split("/"))


def test_the_credential_is_given_once_and_to_prefects_page_alone(stack):
    answers = []

    def look(port, ticket):
        def ask(path, **headers):
            answer = httpx.get(f"http://127.0.0.1:{port}/{path}", headers=headers, trust_env=False)
            answers.append((answer.status_code, answer.headers.get("Access-Control-Allow-Origin"), answer.text))

        ask(ticket)
        ask(ticket, Origin="https://example.com")
        ask("wrong", Origin=stack.prefect_url)
        ask(ticket, Origin=stack.prefect_url)
        ask(ticket, Origin=stack.prefect_url)

    sign_in.open_signed_in(stack, Waiting(look))
    credential = base64.b64encode(stack.prefect_auth_string().encode()).decode()
    assert [status for status, _, _ in answers] == [404, 404, 404, 200, 404]
    assert answers[3] == (200, stack.prefect_url, credential)
    assert not any(credential in text or origin for _, origin, text in [*answers[:3], answers[4]])


def test_a_browser_that_does_not_come_is_told_with_how_to_sign_in_by_hand(stack):
    with pytest.raises(Refusal) as refused:
        sign_in.open_signed_in(stack, Waiting(lambda *_: None), wait_seconds=0)
    assert str(refused.value) == (
        f"No browser came within 0 s: open {stack.prefect_url}, sign in with the content of {stack.prefect_auth_file}."
    )
    assert not (stack.directory / "open.html").exists()


def test_a_machine_without_a_browser_is_told_the_address_and_how_to_sign_in(stack):
    answer = open_prefect_of(stack)
    assert answer.stdout == (
        f"Got no browser: open {stack.prefect_url}, sign in with the content of {stack.prefect_auth_file}.\n"
    )
    assert answer.returncode == 0
    assert stack.prefect_auth_string() not in answer.stdout + answer.stderr


def test_a_stack_that_is_down_is_told(tmp_path):
    settings = LocalSettings.model_construct(
        directory=tmp_path / "none", **dict.fromkeys(LocalSettings.model_construct().ports(), 1)
    )
    answer = open_prefect_of(
        settings,
        **{
            variable(name): str(port)
            for name, port in zip(settings.ports(), free_ports(len(settings.ports())), strict=True)
        },
    )
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == (
        "Not running: aws, dbt, prefect, snowflake; expected the whole local stack: run `make up` first.\n"
    )


def test_another_environments_page_is_opened_without_a_credential(made_up_environments, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(sign_in, "find_browser", lambda: SimpleNamespace(open=opened.append))
    monkeypatch.setattr("sys.argv", ["open_prefect", "--env", "amber"])
    open_prefect.main()
    assert opened == ["https://prefect.amber.example.com"]
    assert capsys.readouterr().out == "https://prefect.amber.example.com\n"

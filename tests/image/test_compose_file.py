"""compose.yaml: a valid file that runs `make up` with this repository's versions, open to this machine only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts.shared.local_settings import LocalSettings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose.yaml"
LISTENING = ["aws_port", "snowflake_port", "dbt_port", "prefect_port"]


@pytest.fixture(scope="module")
def services() -> dict[str, dict]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


@pytest.fixture(scope="module")
def stack(services: dict[str, dict]) -> dict:
    return services["stack"]


def tool(name: str) -> Path:
    path = Path(sys.executable).with_name(name)
    assert path.exists(), f"{name} is missing; expected it in .venv: make setup"
    return path


def test_it_is_valid() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_published_port_is_open_to_this_machine_only(services: dict[str, dict]) -> None:
    """Without an address Docker publishes to the whole network, past the host's firewall."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    for port in ports:
        address = port.get("host_ip") if isinstance(port, dict) else str(port).rsplit(":", 2)[0].split(":")[0]
        assert address == "127.0.0.1", f"{port}: expected 127.0.0.1:…"
    assert not any(service.get("network_mode") == "host" for service in services.values())


def test_no_service_has_rights_over_its_host(services: dict[str, dict]) -> None:
    for service in services.values():
        assert not {"privileged", "cap_add", "pid", "devices", "volumes", "userns_mode"} & service.keys()


def test_the_stacks_image_is_linted_and_not_run_as_root(stack: dict) -> None:
    dockerfile = stack["build"]["dockerfile_inline"]
    answer = subprocess.run([tool("hadolint"), "-"], input=dockerfile, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert re.findall(r"^USER (.*)", dockerfile, re.MULTILINE) == ["10001:10001"]


def test_terraform_is_the_repositorys_version(stack: dict) -> None:
    wanted = (ROOT / ".terraform-version").read_text().strip()
    assert re.findall(r"hashicorp/terraform:(\S+)", stack["build"]["dockerfile_inline"]) == [wanted]


@pytest.mark.parametrize("setting", LISTENING)
def test_a_port_of_the_stack_is_reached_under_its_own_number(stack: dict, setting: str) -> None:
    """Published, handed over inside and told to the stack: the same variable with the stack's own default."""
    variable = f"DATA_FLOWS_{setting.upper()}"
    chosen = f"${{{variable}:-{LocalSettings.model_fields[setting].default}}}"
    assert stack["environment"][variable] == chosen
    inner = [port.rsplit(":", 1)[1] for port in stack["ports"] if port.startswith(f"127.0.0.1:{chosen}:")]
    assert len(inner) == 1
    assert f"socat TCP-LISTEN:{inner[0]},fork TCP:127.0.0.1:$${variable} &" in stack["command"][-1]


def test_what_runs_is_make_up(stack: dict) -> None:
    """And it stays up after it; a failing step ends the container."""
    assert stack["command"][:2] == ["bash", "-ec"]
    assert stack["command"][2].splitlines()[-2:] == ["make up", "exec sleep infinity"]

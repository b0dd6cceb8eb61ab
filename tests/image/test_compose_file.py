"""compose.yaml: a valid file that runs `make up` on the mounted sources, open to this machine only; for editors too."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from patience import PATIENCE_SECONDS

from scripts import setup_environments
from scripts.shared.local_settings import LocalSettings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose.yaml"
EDITORS = ROOT / ".devcontainer"
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


def dockerfile(stack: dict) -> str:
    """As the builder gets it: `$$` is compose's `$`."""
    return stack["build"]["dockerfile_inline"].replace("$$", "$")


@pytest.mark.parametrize("file", [COMPOSE, EDITORS / "compose.yaml"], ids=str)
def test_it_is_valid(file: Path) -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", file]
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
    """Of the host it sees the repository and nothing else."""
    for service in services.values():
        assert not {"privileged", "cap_add", "pid", "devices", "userns_mode", "ipc"} & service.keys()
        sources = [volume.partition(":")[0] for volume in service["volumes"]]
        assert [source for source in sources if source.startswith((".", "/", "~"))] == ["."]


def test_the_sources_are_the_repositorys_and_what_is_made_is_the_containers(stack: dict) -> None:
    """An edit is there at once. The host's packages are of another system."""
    mounts = {target: source for source, target in (volume.split(":") for volume in stack["volumes"])}
    folder = re.findall(r"^WORKDIR (.*)", dockerfile(stack), re.MULTILINE)[-1]
    assert mounts.pop(folder) == "."
    assert set(mounts) == {f"{folder}/{name}" for name in [*setup_environments.ENVIRONMENTS, "build"]}
    assert set(mounts.values()) == set(yaml.safe_load(COMPOSE.read_text())["volumes"])
    assert "COPY . " not in dockerfile(stack)


def test_the_stacks_image_is_linted_and_not_run_as_root(stack: dict) -> None:
    lint = [tool("hadolint"), "-"]
    answer = subprocess.run(lint, input=dockerfile(stack), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert re.findall(r"^USER (.*)", dockerfile(stack), re.MULTILINE) == ["$UID:$UID"]
    assert 'useradd --uid "$UID" --user-group' in dockerfile(stack)
    assert stack["build"]["args"] == {"UID": "${DATA_FLOWS_UID:-1000}"}


def test_the_image_is_of_no_single_processor(stack: dict) -> None:
    """Both bases are there for amd64 and arm64, and the lock has the provider's hashes for all systems."""
    assert "platform" not in stack
    assert "--platform" not in dockerfile(stack)
    assert not re.search(r"amd64|x86_64|arm64|aarch64", COMPOSE.read_text())
    lock = (ROOT / "terraform" / ".terraform.lock.hcl").read_text()
    assert lock.count('"zh:') > 10


def test_what_the_image_copies_is_enough_to_set_it_up(stack: dict, tmp_path: Path) -> None:
    """Terraform is there; the packages, which take a minute, count as installed."""
    before, _, _ = dockerfile(stack).partition("RUN make setup")
    copied = [words.split()[:-1] for words in re.findall(r"^COPY --chown=\S+ (.*)", before, re.MULTILINE)]
    for name in [name for names in copied for name in names]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for name, lock in setup_environments.ENVIRONMENTS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock.sha256").write_text(setup_environments.fingerprint(lock))
    version = (ROOT / ".terraform-version").read_text().strip()
    program(tmp_path, "terraform", f"""echo '{{"terraform_version": "{version}"}}'""")
    shell = {"PATH": f"{tmp_path}:{os.defpath}"}
    command = ["make", f"PYTHON3={sys.executable}", "setup"]
    answer = subprocess.run(command, cwd=tmp_path, env=shell, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def program(folder: Path, name: str, script: str) -> None:
    """A program for PATH."""
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


def test_terraform_is_the_repositorys_version(stack: dict) -> None:
    wanted = (ROOT / ".terraform-version").read_text().strip()
    assert re.findall(r"hashicorp/terraform:(\S+)", dockerfile(stack)) == [wanted]


@pytest.mark.parametrize("setting", LISTENING)
def test_a_port_of_the_stack_is_reached_under_its_own_number(stack: dict, setting: str) -> None:
    """Published and told to the stack: the same variable with the stack's own default."""
    variable = f"DATA_FLOWS_{setting.upper()}"
    chosen = f"${{{variable}:-{LocalSettings.model_fields[setting].default}}}"
    assert stack["environment"][variable] == chosen
    assert f"127.0.0.1:{chosen}:{chosen}" in stack["ports"]


def test_ports_are_handed_over_from_the_containers_other_address(stack: dict, tmp_path: Path) -> None:
    """So whichever port is chosen, the stack can listen on it too. What is run after that is the command."""
    program(tmp_path, "socat", 'echo "$@" >> "$0.called"')
    program(tmp_path, "getent", "printf '172.18.0.2  STREAM stack\\n172.18.0.2  DGRAM\\n'")
    entrypoint = [part.replace("$$", "$") for part in stack["entrypoint"]]
    ports = {f"DATA_FLOWS_{setting.upper()}": str(14566 + number) for number, setting in enumerate(LISTENING)}
    shell = {"PATH": f"{tmp_path}:{os.defpath}", "HOSTNAME": "stack"} | ports
    # A command that ends once all were called: the entrypoint does not wait for them.
    waits = f"until [ $(wc -l < {tmp_path}/socat.called) = {len(ports)} ]; do sleep 0.1; done; echo $1"
    command = [*entrypoint, "bash", "-c", waits, "--", "an argument"]
    answer = subprocess.run(command, env=shell, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    assert answer.stdout == "an argument\n"
    called = (tmp_path / "socat.called").read_text().splitlines()
    assert sorted(called) == sorted(
        f"TCP-LISTEN:{port},bind=172.18.0.2,fork TCP:127.0.0.1:{port}" for port in ports.values()
    )


def test_what_runs_is_make_up(stack: dict) -> None:
    """And it stays up after it; a failing step ends the container."""
    assert stack["command"] == ["bash", "-ec", "make up && exec sleep infinity"]


def test_an_editors_container_is_the_same_service_and_stays_up(services: dict[str, dict], stack: dict) -> None:
    container = json.loads((EDITORS / "devcontainer.json").read_text())
    files = [(EDITORS / name).resolve() for name in container["dockerComposeFile"]]
    assert files == [COMPOSE, EDITORS / "compose.yaml"]
    assert container["service"] in services
    assert f".:{container['workspaceFolder']}" in stack["volumes"]
    assert re.search(rf"useradd .* {container['remoteUser']} ", dockerfile(stack))
    assert yaml.safe_load(files[1].read_text()) == {"services": {"stack": {"command": ["sleep", "infinity"]}}}

"""No or wrong Terraform, and no provider: what was found, what was looked for, and what to do about it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from scripts.shared import environments, terraform
from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

WANTED = (environments.ROOT / ".terraform-version").read_text().strip()
# What Terraform 1.11 writes when it cannot reach the registry.
NO_REGISTRY = """
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider hashicorp/aws:
could not connect to registry.terraform.io: failed to request discovery
document: Get ".../.well-known/terraform.json":
proxyconnect tcp: dial tcp 127.0.0.1:9: connect: connection refused
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """Put a `terraform` that runs this Python code alone on PATH; returns the file its arguments are written to."""

    def make(code):
        calls, program = tmp_path / "calls", tmp_path / "bin" / "terraform"
        program.parent.mkdir()
        head = f"#!{sys.executable}\nimport sys\nopen({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        program.write_text(head + code)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        return calls

    return make


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Neither this machine's home nor its folders: `places("a", "b")` are the folders looked into."""
    monkeypatch.delenv(terraform.MIRROR_VARIABLE, raising=False)

    def make(*names, holding=()):
        for name in holding:
            (tmp_path / name / terraform.PROVIDER / terraform.locked_version()).mkdir(parents=True)
        if names:
            monkeypatch.setattr(terraform, "mirror_places", lambda: [tmp_path / name for name in names])

    return make


@pytest.fixture
def repository(tmp_path):
    """A repository in which `make setup` has brought no Terraform."""
    (tmp_path / ".terraform-version").write_text(WANTED)
    return tmp_path


def test_no_terraform_is_told_with_the_version_and_how_to_get_it(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(Refusal) as refused:
        terraform.check_version(repository)
    assert str(refused.value) == (
        f"Terraform: got none on PATH; expected {WANTED} (.terraform-version): "
        f"run `make setup`, or `tfenv install {WANTED} && tfenv use {WANTED}`."
    )
    assert refused.value.exit_code == 2


def test_another_version_is_told_with_the_one_wanted(repository, stub):
    stub("""print('{"terraform_version": "1.5.7"}')""")
    with pytest.raises(Refusal, match=rf"got 1\.5\.7; expected {WANTED} .*`tfenv install {WANTED} "):
        terraform.check_version(repository)


@pytest.mark.parametrize("on_path", [None, """print('{"terraform_version": "1.5.7"}')"""])
def test_the_terraform_that_setup_brought_is_taken_where_none_fits(repository, stub, monkeypatch, on_path):
    if on_path:
        stub(on_path)
    else:
        monkeypatch.setenv("PATH", str(repository / "none"))
    brought = repository / "build" / "terraform" / WANTED / "terraform"
    brought.parent.mkdir(parents=True)
    brought.touch(0o755)
    terraform.check_version(repository)
    assert shutil.which("terraform") == str(brought)


@pytest.mark.parametrize(
    "code", ["sys.exit('tfenv: no version is set')", "print('tfenv: no version is set')", "print('{}')", "pass"]
)
def test_a_terraform_that_does_not_tell_its_version_is_told_the_same(repository, stub, code):
    """tfenv's shim without an installed version is such a one."""
    stub(code)
    with pytest.raises(Refusal, match=f"`tfenv install {WANTED} ") as refused:
        terraform.check_version(repository)
    assert ("no version is set" in str(refused.value)) is ("no version" in code)


def test_the_wanted_version_is_accepted(stub):
    calls = stub(f"""print('{{"terraform_version": "{WANTED}"}}')""")
    terraform.check_version()
    assert calls.read_text() == "version -json\n"


def test_our_variable_comes_before_every_other_folder(places, tmp_path, monkeypatch):
    places(holding=["mine", "home/.terraform.d/plugins"])
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv(terraform.MIRROR_VARIABLE, str(tmp_path / "mine"))
    assert terraform.find_mirror() == tmp_path / "mine"


def test_a_variable_that_names_a_folder_without_the_provider_is_refused(places, tmp_path, monkeypatch):
    """Another folder in its place would be a surprise: it was named on purpose."""
    places(holding=["home/.terraform.d/plugins"])
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv(terraform.MIRROR_VARIABLE, str(tmp_path / "empty"))
    with pytest.raises(
        Refusal, match=rf"DATA_FLOWS_PROVIDER_MIRROR is .*/empty, which holds no {terraform.PROVIDER} [0-9.]+;"
    ):
        terraform.find_mirror()


def test_terraforms_own_folders_come_before_any_below_the_common_ones(places, tmp_path, monkeypatch):
    places()
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    looked = [str(place) for place in terraform.mirror_places()]
    assert looked[0] == f"{tmp_path}/.terraform.d/plugins"
    assert looked[3:5] == ["/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"]
    assert all(
        Path(place).parent in {Path("/opt"), Path("/usr/local/share"), Path("/usr/share")} for place in looked[5:]
    )


def test_a_mirror_one_level_below_a_common_folder_is_found(places, tmp_path, monkeypatch):
    places(holding=["opt/some-mirror"])
    glob = Path.glob
    common = {"/opt": tmp_path / "opt", "/usr/local/share": tmp_path / "none", "/usr/share": tmp_path / "none"}
    monkeypatch.setattr(Path, "glob", lambda self, pattern: glob(common.get(str(self), self), pattern))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(Path, "is_dir", lambda self: str(tmp_path) in str(self) and os.path.isdir(self))  # noqa: PTH112
    assert terraform.find_mirror() == tmp_path / "opt/some-mirror"


def test_the_first_folder_that_holds_the_provider_is_taken(places, tmp_path):
    places("a", "b", "c", holding=["b", "c"])
    assert terraform.find_mirror() == tmp_path / "b"


def test_init_takes_the_provider_from_the_mirror_and_leaves_the_lock_as_it_is(places, stub, tmp_path):
    places("mirror", holding=["mirror"])
    calls = stub("pass")
    terraform.init(tmp_path, dict(os.environ), tmp_path / "dev.s3.tfbackend")
    assert calls.read_text().split() == [
        f"-chdir={tmp_path}", "init", "-no-color", "-lockfile=readonly", "-reconfigure",
        f"-plugin-dir={tmp_path}/mirror", f"-backend-config={tmp_path}/dev.s3.tfbackend",
    ]  # fmt: skip


def test_without_mirror_and_registry_all_that_was_tried_is_told_and_the_variable_to_set(places, stub, tmp_path):
    places("a", "b")
    calls = stub(f"sys.exit({NO_REGISTRY!r})")
    with pytest.raises(Refusal) as refused:
        terraform.init(tmp_path, dict(os.environ), None)
    assert "-plugin-dir" not in calls.read_text()
    assert str(refused.value) == (
        f"The AWS provider is in no mirror (looked for {terraform.PROVIDER} in {tmp_path}/a, {tmp_path}/b), and the "
        "Terraform registry could not be reached; expected one of the two: set DATA_FLOWS_PROVIDER_MIRROR to a folder "
        "made by `terraform providers mirror`."
    )
    assert refused.value.exit_code == 2


def test_a_provider_that_the_lock_does_not_allow_is_not_told_as_a_registry_out_of_reach(places, stub, tmp_path):
    places("a")
    stub("sys.exit('Error: registry.terraform.io/hashicorp/aws does not match any of the checksums in the lock file')")
    with pytest.raises(Refusal, match=r"terraform init in .* failed"):
        terraform.init(tmp_path, dict(os.environ), None)


def test_another_failure_of_init_is_shown_as_terraform_said_it(places, stub, tmp_path, capsys):
    places("mirror", holding=["mirror"])
    stub("sys.exit('Error: no such bucket')")
    with pytest.raises(Refusal, match=r"terraform init in .* failed") as refused:
        terraform.init(tmp_path, dict(os.environ), None)
    assert refused.value.exit_code == 1
    assert "no such bucket" in capsys.readouterr().out


def test_a_command_that_fails_is_named_with_its_exit_code(stub, tmp_path):
    stub("sys.exit(3)")
    with pytest.raises(Refusal, match=r"terraform plan in .* ended with 3") as refused:
        terraform.run(["plan"], tmp_path, dict(os.environ), good=(0, 2))
    assert refused.value.exit_code == 1


def test_a_plan_with_changes_is_no_failure(stub, tmp_path):
    stub("sys.exit(2)")
    assert terraform.run(["plan"], tmp_path, dict(os.environ), good=(0, 2)) == 2


def test_terraform_writes_into_the_build_directory_and_asks_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "gone"))
    shell = terraform.environment_variables(Environment("amber", tmp_path))
    assert shell["TF_DATA_DIR"] == str(tmp_path / "terraform-data")
    assert (shell["TF_INPUT"], shell["CHECKPOINT_DISABLE"]) == ("0", "1")
    assert "TF_CLI_CONFIG_FILE" not in shell
    (tmp_path / "gone").touch()
    assert terraform.environment_variables(Environment("amber", tmp_path))["TF_CLI_CONFIG_FILE"] == str(
        tmp_path / "gone"
    )

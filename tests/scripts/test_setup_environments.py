"""The virtual environments are made from their locks once, and again when a lock, uv or the Python changes.

Terraform is installed only where none fits.
"""

import ast
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from scripts import setup_environments
from scripts.shared.environments import ROOT

Version = namedtuple("Version", "major minor micro")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Names of the environments that were made, in a repository with locks and nothing else."""
    made = []
    for name in ("dev", "checkov", "uv"):
        (tmp_path / "requirements").mkdir(exist_ok=True)
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1")

    def make(environment, lock):
        environment.mkdir(exist_ok=True)
        made.append((environment.name, lock))

    monkeypatch.setattr(setup_environments, "ROOT", tmp_path)
    monkeypatch.setattr(setup_environments, "LOCKS", tmp_path / "requirements")
    monkeypatch.setattr(setup_environments, "make", make)
    monkeypatch.setattr(setup_environments, "bring_terraform", lambda: None)
    monkeypatch.setattr(sys, "argv", ["setup_environments.py"])
    return made


def test_each_environment_is_made_from_its_lock(made, capsys):
    setup_environments.main()
    assert made == [(".venv", "dev.txt"), (".venv-checkov", "checkov.txt")]
    said = capsys.readouterr()
    assert "setup: .venv from requirements/dev.txt … " in said.err
    assert said.out == "", "what a command prints may be read by another"


def test_what_is_up_to_date_is_left_alone_without_a_word(made, capsys):
    setup_environments.main()
    made.clear()
    capsys.readouterr()
    setup_environments.main()
    assert made == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("lock", "again"),
    [("dev", [".venv"]), ("checkov", [".venv-checkov"]), ("uv", [".venv", ".venv-checkov"])],
)
def test_a_changed_lock_makes_what_was_made_from_it_again(made, tmp_path, lock, again):
    setup_environments.main()
    made.clear()
    (tmp_path / "requirements" / f"{lock}.txt").write_text(f"{lock}==2")
    setup_environments.main()
    assert [name for name, _ in made] == again


def test_another_python_makes_all_of_it_again(made, monkeypatch):
    setup_environments.main()
    made.clear()
    monkeypatch.setattr(sys, "version", "3.14.0 (another)")
    setup_environments.main()
    assert len(made) == 2


def test_an_interrupted_update_is_not_taken_for_up_to_date(made, tmp_path, monkeypatch):
    """Even when the lock is put back to what it was before."""
    setup_environments.main()
    lock = tmp_path / "requirements" / "dev.txt"
    lock.write_text("dev==2")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(setup_environments, "make", interrupted)
        with pytest.raises(KeyboardInterrupt):
            setup_environments.main()
    lock.write_text("dev==1")
    made.clear()
    setup_environments.main()
    assert [name for name, _ in made] == [".venv"]


def test_a_too_old_python_is_told_before_anything_is_made(made, monkeypatch):
    monkeypatch.setattr(sys, "version", "3.10.13 (main)")
    monkeypatch.setattr(sys, "version_info", Version(3, 10, 13))
    with pytest.raises(SystemExit) as ended:
        setup_environments.main()
    assert ended.value.code == "setup: Python is 3.10.13; expected 3.11 or newer: make PYTHON3=python3.11 …"
    assert made == []


def test_a_too_old_python_can_read_as_far_as_that():
    """3.9 does not know `str | Path`: unless annotations are left alone it ends with a TypeError instead."""
    source = Path(setup_environments.__file__).read_text()
    ast.parse(source, feature_version=(3, 8))
    assert "\nfrom __future__ import annotations" in source


def test_it_needs_nothing_but_the_standard_library():
    code = "import sys, runpy; sys.argv[1:] = ['--help']; runpy.run_path(PATH, run_name='__main__')"
    code = code.replace("PATH", repr(setup_environments.__file__))
    command = [sys.executable, "-I", "-S", "-c", code]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_command_that_fails_is_told_with_what_it_said(capfd):
    with pytest.raises(SystemExit) as ended:
        setup_environments.run(sys.executable, "-c", "import sys; sys.exit('no such package')")
    assert str(ended.value.code).endswith("ended with 1: see its output above.")
    assert "no such package" in capfd.readouterr().err


def test_packages_are_installed_by_the_hashes_of_the_lock_only(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(setup_environments, "ROOT", tmp_path)
    (tmp_path / "build" / "uv").mkdir(parents=True)
    monkeypatch.setattr(setup_environments, "run", lambda *command: ran.append(list(map(str, command))))
    setup_environments.make(tmp_path / ".venv", "dev.txt")
    installs = [command for command in ran if {"install", "sync"} & set(command)]
    assert len(installs) == 2
    assert all("--require-hashes" in command for command in installs)
    ran.clear()
    setup_environments.make(tmp_path / ".venv-checkov", "checkov.txt")
    assert not [command for command in ran if "install" in command], "uv itself is installed once"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Folders that Terraform 1.2.3 was installed into, in a repository that wants it and with an empty PATH."""
    bring, run, installed = setup_environments.bring_terraform, subprocess.run, []

    def record(command, **options):
        if command[0] == "terraform":
            return run(command, **options)
        installed.append(command[2])
        return subprocess.CompletedProcess(command, 1)

    (tmp_path / ".terraform-version").write_text("1.2.3\n")
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(setup_environments, "ROOT", tmp_path)
    monkeypatch.setattr(subprocess, "run", record)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def look(on_path=None):
        if on_path:
            program = tmp_path / "bin" / "terraform"
            program.write_text(f"#!{sys.executable}\nprint({on_path!r})")
            program.chmod(0o755)
        bring()
        return installed

    return look


def test_terraform_is_installed_below_build_where_there_is_none(installed, tmp_path):
    assert installed() == [f"{tmp_path}/build/terraform/1.2.3"]


@pytest.mark.parametrize("said", ['{"terraform_version": "1.2.30"}', "tfenv: no version is set"])
def test_another_terraform_on_path_is_not_taken(installed, tmp_path, said):
    assert installed(said) == [f"{tmp_path}/build/terraform/1.2.3"]


def test_a_fitting_terraform_on_path_is_taken(installed):
    assert installed('{"terraform_version": "1.2.3"}') == []


def test_an_installed_terraform_is_not_installed_again(installed, tmp_path):
    (tmp_path / "build/terraform/1.2.3").mkdir(parents=True)
    (tmp_path / "build/terraform/1.2.3/terraform").touch()
    assert installed() == []

"""`make lint` runs every check, names those that found something, and checks the files of facts itself."""

import subprocess
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from scripts import lint_sources
from scripts.shared import facts_file, terraform
from scripts.shared.refusal import Refusal


@pytest.fixture
def ran(monkeypatch):
    """`ran(*arguments, failing=…)` runs the command; returns its exit code and the commands that it would have run."""

    def run(*arguments, failing="none", problems=(), flows=list):
        commands = run.commands = []

        def call(command, **_):
            commands.append(" ".join(command))
            return subprocess.CompletedProcess(command, int(failing in commands[-1]))

        monkeypatch.setattr(terraform, "check_version", lambda: None)
        monkeypatch.setattr(lint_sources, "FlowImport", lambda _: nullcontext(SimpleNamespace(sound_result=flows)))
        monkeypatch.setattr(facts_file, "check_all", lambda: list(problems))
        monkeypatch.setattr(lint_sources.subprocess, "run", call)
        monkeypatch.setattr("sys.argv", ["lint_sources", *arguments])
        return lint_sources.main(), commands

    return run


def test_every_check_runs_though_the_first_finds_something(ran, capsys):
    code, commands = ran(failing="ruff check")
    assert (code, len(commands)) == (1, len(lint_sources.CHECKS))
    assert capsys.readouterr().out == "lint: ruff check found something\n"


def test_without_a_finding_it_says_so(ran, capsys):
    assert ran()[0] == 0
    assert capsys.readouterr().out == "lint: nothing found\n"


@pytest.mark.parametrize("arguments", [[], ["--fix"]])
def test_problems_of_the_files_of_facts_are_printed(ran, capsys, arguments):
    code, _ = ran(*arguments, problems=["a.tfvars:1: got x", "b.tfvars:2: got y"])
    assert code == 1
    assert capsys.readouterr().out == ("a.tfvars:1: got x\nb.tfvars:2: got y\nlint: files of facts found something\n")


def broken():
    raise Refusal("flows/a.py:1: got x; expected y.", 1)


def test_a_wrong_flow_file_is_told_before_any_other_check_runs(ran):
    with pytest.raises(Refusal, match=r"flows/a\.py:1: got x"):
        ran(flows=broken)
    assert ran.commands == []


def test_what_can_be_repaired_is_repaired_whatever_is_wrong_with_the_flow_files(ran):
    assert ran("--fix", flows=broken)[0] == 0


def test_only_fix_writes(ran):
    assert not [command for command in ran()[1] if "--fix" in command or command == "terraform fmt -recursive"]
    assert any("--fix" in command for command in ran("--fix")[1])

"""What one types: every target is listed, every command it runs is there, and each `--help` shows an example."""

import importlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from scripts import check_plan
from scripts.shared.command import run_command
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if '__name__ == "__main__"' in path.read_text())
TARGETS = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()


def make(*arguments):
    # These tests run under `make test` themselves, whose flags and variables are not for the make that is looked at.
    given = {"ENV", "FLOW", "PARAMS", "NAME", "ARGS", "OFFLINE", "PIPELINE", "IMAGE_DIGEST"}
    given |= {"DRY_RUN", "KEEP", "FULL", "ONLY"}
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    shell = {name: value for name, value in shell.items() if name not in given}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=shell, capture_output=True, text=True, check=False)


def test_a_bare_make_lists_every_target_with_what_it_does():
    answer = make()
    assert (answer.returncode, answer.stderr) == (0, "")
    listed = dict(line.split(None, 1) for line in answer.stdout.splitlines())
    assert set(listed) == set(TARGETS)
    assert all(listed.values())


def test_every_target_of_the_makefile_is_phony():
    """A file named `plan` or `test` would otherwise switch one off."""
    assert set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)) == set(TARGETS)


def test_every_target_that_runs_python_sets_the_environments_up_first():
    for target, needs in re.findall(r"^([a-z-]+):(.*?)##", MAKEFILE, re.MULTILINE):
        assert target in {"help", "setup"} or needs.split() == ["setup"], target


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "help"])
def test_what_a_target_runs_is_there(target):
    answer = make("--dry-run", target, "ENV=dev", "FLOW=x", "NAME=agent")
    assert answer.returncode == 0, answer.stderr
    modules = re.findall(r"-m (\S+)", answer.stdout)
    assert modules or target == "setup"
    for name in modules:
        assert name == "pytest" or name.removeprefix("scripts.") in COMMANDS


@pytest.mark.parametrize(
    ("variables", "run"),
    [
        (["plan", "ENV=dev", "OFFLINE=1"], "scripts.plan_environment dev --offline"),
        (["plan", "ENV=dev", "PIPELINE=1"], "scripts.plan_environment dev --pipeline"),
        (["plan", "ENV="], "scripts.plan_environment local"),
        (["test", "ARGS=tests/scripts -x"], "pytest tests/scripts -x"),
        (["register", "ENV=dev"], "scripts.register_flows --env dev"),
        (["register", "DRY_RUN=1"], "scripts.register_flows --env local --dry-run"),
        (["register", "KEEP=1", "FULL=1"], "scripts.register_flows --env local --keep --full"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_variables_of_a_target_reach_its_command(variables, run):
    last = make("--dry-run", *variables).stdout.splitlines()[-1]
    assert " ".join(last.split()) == f".venv/bin/python -m {run}"


@pytest.mark.parametrize(
    ("variables", "run"),
    [
        (["run", "FLOW=a_b"], "scripts.run_flow a_b --env local --params {}"),
        (["run", "FLOW=a", """PARAMS={"b": "it's"}"""], """scripts.run_flow a --env local --params {"b": "it's"}"""),
        (["logs", "NAME=*"], "scripts.show_logs *"),
        (["register", "ONLY=a*"], "scripts.register_flows --env local --only a*"),
        (["plan", "ENV=dev", "IMAGE_DIGEST=sha256:*"], "scripts.plan_environment dev --image-digest sha256:*"),
        (["register", "IMAGE_DIGEST=a b"], "scripts.register_flows --env local --image-digest a b"),
        (["logs"], "scripts.show_logs agent"),
    ],
)
def test_what_a_person_types_reaches_the_command_untouched_by_the_shell(variables, run):
    assert make("PYTHON=echo", "PREFLIGHT=@:", *variables).stdout.strip() == f"-m {run}"


def test_a_digest_given_by_a_pipeline_is_expanded_neither_by_make_nor_by_the_shell(tmp_path):
    """Whoever may start the pipeline may not run commands in its stages."""
    trap = tmp_path / "trap"
    shell = {"PATH": os.environ["PATH"], "IMAGE_DIGEST": f'$(shell touch {trap})"; touch {trap}; "`touch {trap}`'}
    command = ["make", "PYTHON=echo", "PREFLIGHT=@:", "plan", "ENV=dev"]
    answer = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == f"-m scripts.plan_environment dev --image-digest {shell['IMAGE_DIGEST']}"
    assert not trap.exists()


def test_every_command_is_reached_from_the_makefile_or_a_build():
    """By a target, by another command that is, or by a build."""
    text = {name: (ROOT / "scripts" / f"{name}.py").read_text() for name in COMMANDS}
    used = re.compile(r"(?:scripts[./](\w+)|from scripts import ([\w, ]+))")
    builds = [ROOT / ".circleci" / "config.yml", ROOT / "modules" / "delivery" / "builds.tf"]
    reached, ahead = set(), [MAKEFILE, *(path.read_text() for path in builds)]
    while ahead:
        names = {name for found in used.findall(ahead.pop()) for name in re.findall(r"\w+", " ".join(found))}
        ahead += [text[name] for name in names & set(COMMANDS) - reached]
        reached |= names & set(COMMANDS)
    # The oracle is for whoever writes its tables; the tests put them to the plans of dev and prod.
    assert set(COMMANDS) == reached


def test_there_are_commands():
    assert {"start_local", "check_plan", "setup_environments"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_the_command_does_and_shows_how_to_call_it(name, monkeypatch, capsys, tmp_path):
    # A command that does not know --help would do its work: see first that it does, and give it nothing to work on.
    assert ".parse_args()" in (ROOT / "scripts" / f"{name}.py").read_text(), "expected it to know --help"
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"scripts.{name}").main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert re.search(rf"^ *python3? (-m scripts\.{name}\b|scripts/{name}\.py)", said, re.MULTILINE)
    assert re.search(r"\n\n[A-Z].*[.:]", said), "expected a sentence"


@pytest.mark.parametrize("given", [["--nonsense"], ["--rule", "no_ingress"], ["a", "b"]])
def test_wrong_usage_ends_with_2_and_changes_nothing(monkeypatch, capsys, given):
    """Neither is an option guessed from its first letters."""
    monkeypatch.setattr(sys, "argv", ["check_plan", *given])
    with pytest.raises(SystemExit) as ended:
        check_plan.main()
    assert ended.value.code == 2
    assert "unrecognized arguments: " in capsys.readouterr().err


class ConnectError(Exception):
    """As httpx has it."""


def test_an_unreachable_server_is_one_sentence_and_exit_code_2(capsys):
    def main():
        raise ConnectError("All connection attempts failed")

    with pytest.raises(SystemExit) as ended:
        run_command(main)
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "Cannot go on: All connection attempts failed. Expected a server that answers and credentials that it takes.\n"
    )


def test_any_other_error_keeps_its_traceback():
    def main():
        raise KeyError("a programming error")

    with pytest.raises(KeyError):
        run_command(main)


@pytest.mark.parametrize(("code", "ends"), [(1, 1), (2, 2)])
def test_a_refusal_is_one_sentence_on_stderr_and_its_exit_code(capsys, code, ends):
    def main():
        raise Refusal("x: got 1; expected 2.", code)

    with pytest.raises(SystemExit) as ended:
        run_command(main)
    assert ended.value.code == ends
    assert capsys.readouterr() == ("", "x: got 1; expected 2.\n")


def test_ctrl_c_ends_a_command_without_a_traceback(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run_command(main)
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_ci_runs_what_make_runs():
    assert shutil.which(str(ROOT / ".ci" / "run"))
    assert "make test" in (ROOT / ".ci" / "run").read_text()

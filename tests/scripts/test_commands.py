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
TAKES = {target: names.split() for target, names in re.findall(r"^takes\.(\S+) +:=(.*)$", MAKEFILE, re.MULTILINE)}
TARGETS = list(TAKES)
SWITCHES = re.search(r"^SWITCHES := (.*)$", MAKEFILE, re.MULTILINE)[1].split()


def make(*arguments):
    # These tests run under `make test` themselves, whose flags and variables are not for the make that is looked at.
    given = {name for names in TAKES.values() for name in names}
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    shell = {name: value for name, value in shell.items() if name not in given}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=shell, capture_output=True, text=True, check=False)


def test_a_bare_make_lists_every_target_in_a_group_with_what_it_does_and_takes():
    """On 80 columns, in few words: somebody has half a minute for all of it."""
    answer = make()
    assert (answer.returncode, answer.stderr) == (0, "")
    assert [line for line in answer.stdout.splitlines() if len(line) > 80] == []
    texts = re.findall(r"^  [a-z-]+ +(.*?)(?:: [A-Z_ ]+)?$", answer.stdout, re.MULTILINE)
    assert sum(len(text.split()) for text in texts) <= 6 * len(TARGETS)
    groups = [group.splitlines() for group in answer.stdout.split("\n\n")[1:-1]]
    listed = {}
    for title, *lines in groups:
        listed |= {line.split()[0]: f"{line} {title}" for line in lines}
    assert set(listed) == set(TARGETS)
    for target, names in TAKES.items():
        assert set(names) <= set(re.findall(r"[A-Z_]{2,}", listed[target])), target


@pytest.mark.parametrize(("typed", "meant"), [("lgos", "logs"), ("regsiter", "register"), ("Plan", "plan")])
def test_a_misspelt_target_is_answered_with_the_nearest_before_anything_runs(typed, meant):
    answer = make("PREFLIGHT=@echo ran", "PYTHON=echo ran", "lint", typed)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert re.fullmatch(
        rf"Makefile:\d+: \*\*\* {typed}: no such target \(did you mean {meant}\?\); expected one that `make` lists\.  "
        r"Stop\.\n",
        answer.stderr,
    )


@pytest.mark.parametrize("typed", ["zzzz", "it's", "a;b", "1234.py"])
def test_a_target_that_is_like_none_is_refused_without_a_guess(typed):
    assert f"*** {typed}: no such target; expected one that `make` lists.  Stop." in make(typed).stderr


@pytest.mark.parametrize(("typed", "meant"), [("DRYRUN", "DRY_RUN"), ("only", "ONLY"), ("DIGEST", "IMAGE_DIGEST")])
def test_a_misspelt_variable_is_answered_with_the_nearest(typed, meant):
    assert f"register: got {typed} (did you mean {meant}?); expected only ENV" in make("register", f"{typed}=1").stderr


def test_every_target_of_the_makefile_is_phony_and_says_which_variables_it_takes():
    """A file named `plan` or `test` would otherwise switch one off."""
    assert set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)) == set(TARGETS)
    assert ".PHONY: $(TARGETS)\n" in MAKEFILE


def test_every_target_that_runs_python_sets_the_environments_up_first():
    for target, needs in re.findall(r"^([a-z-]+):(.*?)##", MAKEFILE, re.MULTILINE):
        # The doctor is for a machine where that failed.
        assert target in {"help", "setup", "doctor"} or needs.split() == ["setup"], target


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_target_runs_is_there(target):
    answer = make("--dry-run", target, *(f"{name}=1" for name in TAKES[target]))
    assert answer.returncode == 0, answer.stderr
    modules = re.findall(r"-m (\S+)", answer.stdout)
    assert modules or target in {"help", "setup"}
    for name in modules:
        runs = ROOT.joinpath(*name.split("."), "__main__.py").is_file()  # A package, such as tests.move_in.
        assert name == "pytest" or runs or name.removeprefix("scripts.") in COMMANDS


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("unknown", ["DRYRUN", "dry_run", "Env", "DIGEST"])
def test_a_variable_that_a_target_does_not_know_is_refused_before_anything_runs(target, unknown):
    """`make register DRYRUN=1` must not register."""
    answer = make("PREFLIGHT=@echo ran", "PYTHON=echo ran", target, f"{unknown}=1")
    known = f"only {' '.join(TAKES[target])}" if TAKES[target] else "no variable"
    assert (answer.returncode, answer.stdout) == (2, "")
    said = rf"{target}: got {unknown}( \(did you mean \w+\?\))?; expected {known}"
    assert re.fullmatch(rf"Makefile:\d+: \*\*\* {said}\.  Stop\.\n", answer.stderr)


@pytest.mark.parametrize(
    "given", [["test", "DRY_RUN=1"], ["register", "apply", "DRY_RUN=1"], ["ARGS=-x", "lint", "test"]]
)
def test_a_variable_must_be_known_to_every_target_that_is_given(given):
    answer = make("PREFLIGHT=@echo ran", "PYTHON=echo ran", *given)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert re.search(r"(test: got DRY_RUN|apply: got DRY_RUN|lint: got ARGS)( \(.*\))?; expected ", answer.stderr)


def test_each_target_takes_the_variables_that_its_recipe_reads():
    recipes = dict(re.findall(r"^([a-z-]+):.*\n((?:\t.*\n?)*)", MAKEFILE, re.MULTILINE))
    for target, names in TAKES.items():
        read = set(re.findall(r"\b[A-Z_]{2,}\b", recipes[target].replace("$(DIGEST)", "IMAGE_DIGEST")))
        # Consent is read by the guard itself, and only by targets that write to an environment.
        assert read - {"PYTHON", "PREFLIGHT", "MAKEFILE_LIST", "STARTED"} == set(names) - {"YES"}, target


def test_the_shells_own_variables_are_not_refused():
    answer = subprocess.run(
        ["make", "--dry-run", "register"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DRYRUN": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0


@pytest.mark.parametrize("value", ["0", "no", "yes", "11"])
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_is_1_or_left_out(switch, value):
    target = next(target for target, names in TAKES.items() if switch in names)
    answer = make("PREFLIGHT=@echo ran", "PYTHON=echo ran", target, f"{switch}={value}")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert f"{switch}: got {value}; expected 1, or leave it out" in answer.stderr


@pytest.mark.parametrize(
    ("variables", "run"),
    [
        (["plan", "ENV=dev", "OFFLINE=1"], "scripts.plan_environment dev --offline"),
        (["plan", "ENV=dev", "PIPELINE=1"], "scripts.plan_environment dev --pipeline"),
        (["plan", "ENV=dev", "OFFLINE=1", "BASE=main"], 'scripts.plan_environment dev --offline --base "$BASE"'),
        (["check", "ENV=dev", "OFFLINE=1"], "scripts.check_plan --env dev --offline"),
        (["plan", "ENV="], "scripts.plan_environment local"),
        (["test", "ARGS=tests/scripts -x"], "pytest tests/scripts -x"),
        (["test", "FAST=1"], "pytest --fast"),
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
        (["new-flow", "NAME=a/*", "OWNER=b c"], "scripts.new_flow a/* --owner b c"),
        (["logs", "NAME=*"], "scripts.show_logs --env local --name *"),
        (["logs", "FLOW=a*"], "scripts.show_logs --env local --flow a*"),
        (["logs", "RUN=*", "ENV=dev"], "scripts.show_logs --env dev --run *"),
        (["logs", "TASK=*"], "scripts.show_logs --env local --task *"),
        (
            ["try", "FLOW=a/*", """PARAMS={"b": "it's"}"""],
            """scripts.try_flow a/* --env local --params {"b": "it's"}""",
        ),
        (["try", "FLOW=a", "WATCH=1"], "scripts.try_flow a --env local --params {} --watch"),
        (["try", "FLOW=a", "AS=b *"], "scripts.try_flow a --env local --params {} --as b *"),
        (["register", "ONLY=a*"], "scripts.register_flows --env local --only a*"),
        (["plan", "ENV=dev", "IMAGE_DIGEST=sha256:*"], "scripts.plan_environment dev --image-digest sha256:*"),
        (["plan", "OFFLINE=1", "BASE=a b*"], "scripts.plan_environment local --offline --base a b*"),
        (["check", "OFFLINE=1", "BASE=a*"], "scripts.check_plan --env local --offline --base a*"),
        (["register", "IMAGE_DIGEST=a b"], "scripts.register_flows --env local --image-digest a b"),
        (["logs"], "scripts.show_logs --env local"),
        (["add", "PKG=a>=2,<3"], "scripts.change_libraries add a>=2,<3"),
        (["add", "PKG=a[b]", "DEV=1"], "scripts.change_libraries add a[b] --dev"),
        (["remove", "PKG=*"], "scripts.change_libraries remove *"),
        (["flows", "ENV=dev"], "scripts.check_flows --env dev"),
        (["sql", """SQL=select $1, '*' from "t" """], """scripts.run_sql select $1, '*' from "t"  --env local"""),
        (["sql", "SQL=$$(x) `y`", "WRITE=1"], "scripts.run_sql $$(x) `y` --env local --write"),
        (["sql", "SQL=a", "FORMAT=*", "LIMIT=b c"], "scripts.run_sql a --env local --format * --limit b c"),
        (["secret", "ENV=dev"], "scripts.set_secret --env dev"),
        (["secret", "NAME=A*", "GENERATE=1"], "scripts.set_secret A* --env local --generate"),
        (["open", "ENV=dev"], "scripts.open_prefect --env dev"),
    ],
)
def test_what_a_person_types_reaches_the_command_untouched_by_the_shell(variables, run):
    assert make("PYTHON=echo", "PREFLIGHT=@:", *variables).stdout.strip() == f"-m {run}"


def test_a_shell_whose_variable_is_called_name_names_no_secret():
    """As that of Windows' Linux does."""
    shell = {"PATH": os.environ["PATH"], "NAME": "laptop"}
    command = ["make", "PYTHON=echo", "PREFLIGHT=@:", "secret"]
    answer = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "-m scripts.set_secret --env local"


def test_a_digest_given_by_a_pipeline_is_expanded_neither_by_make_nor_by_the_shell(tmp_path):
    """Whoever may start the pipeline may not run commands in its stages."""
    trap = tmp_path / "trap"
    shell = {"PATH": os.environ["PATH"], "IMAGE_DIGEST": f'$(shell touch {trap})"; touch {trap}; "`touch {trap}`'}
    command = ["make", "PYTHON=echo", "PREFLIGHT=@:", "plan", "ENV=dev"]
    answer = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == f"-m scripts.plan_environment dev --image-digest {shell['IMAGE_DIGEST']}"
    assert not trap.exists()


def test_every_command_is_reached_from_the_makefile_or_a_build():
    """By a target, by another command that is, by a build, or by a task."""
    text = {name: (ROOT / "scripts" / f"{name}.py").read_text() for name in COMMANDS}
    used = re.compile(r"(?:scripts[./](\w+)|from scripts import ([\w, ]+))")
    modules = ROOT / "modules"
    builds = [ROOT / ".circleci" / "config.yml", modules / "delivery" / "builds.tf", modules / "ecs_agent" / "main.tf"]
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
        "Cannot continue: All connection attempts failed. Expected a reachable server and valid credentials.\n"
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

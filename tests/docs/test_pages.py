"""What the pages name exists: links, files, commands with their options, environment variables, Terraform variables."""

import functools
import os
import re
import subprocess
import sys

import hcl2
import pytest
from markdown_pages import PAGES, anchors, blocks, code, commands, links

from scripts.shared.environments import ROOT

# The folders of the repository; build/ is made by commands.
FOLDERS = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "build"))]
MAKE = {tuple(words[1:]): where for where, words in commands() if words[0] == "make"}
PYTHON = {tuple(words[2:]): where for where, words in commands() if words[0].endswith("python") and words[1] == "-m"}


def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it():
    broken = []
    for page, target in links():
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        if not linked.exists():
            broken.append(f"{page}: {target}: no such file")
        elif anchor and anchor not in anchors(linked.resolve().relative_to(ROOT).as_posix()):
            broken.append(f"{page}: {target}: no such heading")
    assert broken == []


def test_every_page_is_reached_by_a_link():
    linked = {((ROOT / page).parent / target.partition("#")[0]).resolve() for page, target in links()}
    # The team's pages about its flows are found by the flow's name.
    pages = [page for page in PAGES if not page.startswith("docs/flows/") and "/" in page]
    assert [page for page in pages if (ROOT / page).resolve() not in linked] == []


def test_every_path_in_backticks_exists():
    folders = {folder.name for folder in FOLDERS}
    missing = []
    for each in code():
        pattern = re.sub(r"<\w+>", "*", each.text).rstrip("/")
        if each.is_block or not re.fullmatch(r"[\w.][\w.*/-]*", pattern):
            continue
        if pattern.partition("/")[0] in folders:
            found = any(ROOT.glob(pattern))
        elif "/" not in pattern and re.search(r"\.(py|tf|md|ya?ml|toml|j2)$", pattern):
            found = (ROOT / pattern).exists() or any(any(folder.rglob(pattern)) for folder in FOLDERS)
        else:
            continue
        if not found:
            missing.append(f"{each.where}: {each.text}")
    assert missing == []


@pytest.mark.parametrize("words", MAKE, ids=" ".join)
def test_every_make_command_names_a_target_and_variables_that_it_knows(words):
    answer = subprocess.run(
        ["make", "--dry-run", *words], cwd=ROOT, env=_without_make(), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, f"{MAKE[words]}: {answer.stderr}"


def _without_make():
    """Our variables without those of the `make test` that runs this."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}


@pytest.mark.parametrize("words", PYTHON, ids=" ".join)
def test_every_python_command_names_a_module_and_options_that_it_knows(words):
    module, *arguments = words
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), PYTHON[words]
    options = {word.partition("=")[0] for word in arguments if word.startswith("--")}
    assert options <= set(re.findall(r"--[a-z-]+", _help(module) if options else "")), PYTHON[words]


@functools.cache
def _help(module):
    command = [sys.executable, "-m", module, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("arguments", [["make"], [sys.executable, "-m", "scripts.check_plan", "--list"]], ids=" ".join)
def test_a_command_that_only_lists_something_runs(arguments):
    answer = subprocess.run(arguments, cwd=ROOT, env=_without_make(), capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout


@pytest.mark.parametrize("block", blocks("bash", "sh"), ids=lambda block: block.where)
def test_every_shell_block_is_valid_bash(block):
    answer = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert answer.stderr == ""


@pytest.mark.parametrize("block", blocks("hcl"), ids=lambda block: block.where)
def test_every_fact_in_an_hcl_block_is_a_variable_of_terraform(block):
    variables = {
        name.strip('"')
        for folder in ("terraform", "terraform/bootstrap")
        for each in hcl2.loads((ROOT / folder / "variables.tf").read_text())["variable"]
        for name in each
    }
    assert {name for name in hcl2.loads(block.text) if not name.startswith("__")} <= variables


def test_every_environment_variable_of_the_pages_stands_in_env_example():
    known = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    named = {
        (each.where, name)
        for each in code()
        for name in re.findall(r"\b(?:DATA_FLOWS|PREFECT)_[A-Z_]*[A-Z]\b", each.text)
    }
    assert sorted((where, name) for where, name in named if name not in known) == []

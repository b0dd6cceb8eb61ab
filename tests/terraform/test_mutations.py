"""Each single mistake in our own infrastructure is found by the checks that say they find it, and by no other."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mutating import Mutation
from mutations import MUTATIONS
from mutations_values import VALUES

from scripts.gate import catalog
from scripts.gate.checkov_scan import FLAGS, find_checkov
from scripts.gate.engine import module_sources
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan, without_indexes
from scripts.gate.rules.inline_skips import Skips
from scripts.shared.environments import ROOT

# Imports checkov once, then scans each plan in a process of its own, two at a time: none sees another's resources.
SCAN_ALL = """
import gc, os, sys, warnings
warnings.simplefilter("ignore")
gc.disable()
from checkov.main import Checkov
flags, plans, running = sys.argv[1].split(), sys.argv[2:], 0
for plan in plans:
    if running == 2:
        os.wait()
        running -= 1
    running += 1
    if os.fork() == 0:
        os.dup2(os.open(plan + ".found", os.O_CREAT | os.O_WRONLY), 1)
        try:
            Checkov([*flags, "--framework", "terraform_plan", "-f", plan]).run()
        except SystemExit:
            pass
        sys.stdout.flush()
        os._exit(0)
while running:
    os.wait()
    running -= 1
"""


# They say what may be, so they find most mistakes as well; a mistake names them where nothing else finds it.
ALLOWLISTS = {"decided_values", "permission_tables"}


@pytest.fixture(scope="module")
def plan_json(offline_plan) -> Path:
    return offline_plan("amber") / "plan.json"


@pytest.fixture(scope="module")
def data(plan_json):
    return json.loads(plan_json.read_text())


@pytest.fixture(scope="module")
def seen_by_checkov(data, tmp_path_factory) -> dict[str, bool]:
    """Whether checkov finds the mistake in the plan, by the mutation's name."""
    folder = tmp_path_factory.mktemp("mutated")
    plans = {}
    for number, mutation in enumerate(one for one in MUTATIONS if one.change):
        plans[mutation.name] = folder / f"{number}.json"
        plans[mutation.name].write_text(json.dumps(_only_changed_modules(mutation.plan(data), data)))
    python = find_checkov(ROOT).with_name("python")
    command = [str(python), "-c", SCAN_ALL, " ".join(FLAGS), *map(str, plans.values())]
    subprocess.run(command, check=True, cwd=folder, env={"PATH": os.defpath, "HOME": str(folder), "LOG_LEVEL": "ERROR"})
    skips = Skips(ROOT / "terraform", module_sources(Plan(data)))
    return {name: bool(_failures(path, skips)) for name, path in plans.items()}


def _only_changed_modules(mutated, data):
    """A smaller plan, which costs less: checkov sees the modules that the mistake is in."""
    before = {entry["address"]: entry for entry in data["resource_changes"]}
    after = {entry["address"]: entry for entry in mutated["resource_changes"]}
    touched = [address for address in {*before, *after} if before.get(address) != after.get(address)]
    modules = {(after.get(address) or before[address]).get("module_address", "") for address in touched}
    called = {without_indexes(module) for module in modules}
    root = mutated["planned_values"]["root_module"]
    root["child_modules"] = [child for child in root["child_modules"] if child["address"] in modules]
    mutated["resource_changes"] = [one for one in after.values() if one.get("module_address", "") in modules]
    calls = mutated["configuration"]["root_module"]["module_calls"]
    mutated["configuration"]["root_module"]["module_calls"] = {
        name: call for name, call in calls.items() if f"module.{name}" in called
    }
    return mutated


def _failures(plan: Path, skips: Skips) -> set[tuple[str, str]]:
    report = json.loads(plan.with_name(plan.name + ".found").read_text())
    assert report["summary"]["parsing_errors"] == 0
    failed = {(one["check_id"], without_indexes(one["resource"])) for one in report["results"]["failed_checks"]}
    return {(id_, address) for id_, address in failed if id_ not in skips.ids_at(address)}


def found_by(mutation: Mutation, data, tmp_path) -> set[str]:
    """Our own rules that find the mistake."""
    plan = Plan(mutation.plan(data))
    root = ROOT / "terraform"
    if mutation.hcl:
        file, old, new = mutation.hcl
        for folder in ("terraform", "modules"):
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns(".terraform"))
        text = (tmp_path / file).read_text()
        assert old in text, f"{file} does not hold what the mutation replaces"
        (tmp_path / file).write_text(text.replace(old, new, 1))
        root = tmp_path / "terraform"
    hcl = Hcl(root, plan)
    found = {name for name in catalog.all_rules() if not catalog.run_rule(name, plan, hcl).passed}
    return found | ({catalog.CHECKOV} if list(Skips(root, module_sources(plan)).find_unreasoned()) else set())


@pytest.fixture(scope="module")
def table(request) -> Iterator[dict[str, str]]:
    """Which mistake is found by which checks; printed in the end, which `-n 0` shows."""
    found: dict[str, str] = {}
    yield found
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *(f"{name:<52} {checks}" for name, checks in found.items()), sep="\n")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_mistake_is_found_by_exactly_the_checks_that_should(mutation, data, seen_by_checkov, tmp_path, table):
    found = found_by(mutation, data, tmp_path) | ({"checkov"} if seen_by_checkov.get(mutation.name) else set())
    table[mutation.name] = " ".join(sorted(found))
    wanted = set(mutation.caught_by.split())
    assert wanted <= found
    assert found - ALLOWLISTS <= wanted


def test_the_plan_itself_has_no_finding(data, tmp_path):
    assert found_by(Mutation("nothing", ""), data, tmp_path) == set()


def test_there_are_at_least_60_mistakes_of_different_names():
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 60


def test_each_rule_finds_a_mistake_that_nothing_else_finds():
    """One that does not is not needed."""
    alone = {mutation.caught_by for mutation in MUTATIONS + VALUES}
    assert set(catalog.check_names()) - alone == set()

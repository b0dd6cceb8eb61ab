"""The catalogue of the rules. Each file in rules/ is a rule, is named after what it checks, and has one of these:

    check(plan)             reads the plan
    check_hcl(hcl, plan)    reads the HCL, for what the plan does not show

A rule may name in `NEEDS` other rules that must run with it. A rule with `OURS = True` knows names of this repository
and is skipped for a plan of any other, of which it may list something with `listed(plan)`. The record says which rules
were skipped and why; it then allows no apply.
"""

import importlib
import os
import pkgutil
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from types import ModuleType

from scripts.gate import rules
from scripts.gate.decisions.tables import tables
from scripts.gate.reading.hcl import Hcl, read_ahead
from scripts.gate.reading.plan import Plan
from scripts.gate.record import RuleResult
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

CHECKOV = "checkov"


@cache
def all_rules() -> dict[str, ModuleType]:
    """The rules by name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    modules = {name: importlib.import_module(f"{rules.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if _kind(module)}


def _kind(module: ModuleType) -> str:
    return next((kind for kind in ("check", "check_hcl") if hasattr(module, kind)), "")


def check_names() -> list[str]:
    """All checks of a complete gate: the rules and checkov."""
    return [*all_rules(), CHECKOV]


def describe() -> dict[str, str]:
    """Each check and the sentence that says what holds when it passes."""
    sentences = {name: (module.__doc__ or "").strip().splitlines()[0] for name, module in all_rules().items()}
    return sentences | {CHECKOV: "checkov finds nothing in HCL and plan, and each of its skips gives a reason."}


def choose_checks(names: Iterable[str]) -> list[str]:
    """The named checks, with those they need in order to mean anything.

    Raises:
        Refusal: there is no such check; the message lists those there are.
    """
    wanted = list(dict.fromkeys(name.strip() for name in names))
    for name in wanted:
        if name not in check_names():
            raise Refusal(f"--rules: got {name or 'an empty name'}; expected some of {', '.join(check_names())}")
    needed = [need for name in wanted for need in getattr(all_rules().get(name), "NEEDS", ())]
    return [name for name in check_names() if name in {*wanted, *needed}]


def warm_up() -> threading.Thread:
    """Import slow libraries of some rules and read our HCL in a thread, while the caller waits for Terraform."""

    def load() -> None:
        if sys.platform == "linux":  # Only there a thread has a priority of its own. Terraform goes first.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        with suppress(Exception):  # The rule that needs the library reports the error.
            importlib.import_module("scripts.gate.permissions.oracle")
            tables()
            all_rules()["sound_policies"].load_parliament()
            read_ahead(ROOT / "terraform", *(ROOT / "modules").iterdir())

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    return thread


def run_rule(name: str, plan: Plan, hcl: Hcl | None = None) -> RuleResult:
    """Run one rule. Raises Refusal (exit code 2) if the rule cannot read the plan."""
    module = all_rules()[name]
    if getattr(module, "OURS", False) and not plan.is_ours:
        listed = getattr(module, "listed", lambda _: "")(plan)
        return RuleResult.skip(name, f"the plan is not of this repository{listed}")
    if _kind(module) == "check_hcl" and hcl is None:
        return RuleResult.skip(name, "no HCL is given")
    started = time.perf_counter()
    try:
        found = module.check(plan) if _kind(module) == "check" else module.check_hcl(hcl, plan)
        findings = list(dict.fromkeys(found))
    except Refusal:
        raise
    except Exception as error:
        # Only the type: the message of an error may repeat a value of the plan.
        raise Refusal(
            f"{name}: cannot read this plan ({type(error).__name__}); expected a plan of the AWS provider."
        ) from error
    return RuleResult.from_findings(name, findings, time.perf_counter() - started)

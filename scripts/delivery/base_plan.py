"""The commit that an offline plan is compared with: its plan and flows, made once and kept by commit."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.gate.diff import security
from scripts.gate.diff.flows import Flows, flow_lines
from scripts.gate.diff.line import Comparison, Line
from scripts.gate.permissions import flow_permissions
from scripts.gate.reading.plan import Plan
from scripts.shared import flow_secrets, git_tree
from scripts.shared.environments import BUILD_VARIABLE, ROOT, Environment
from scripts.shared.refusal import Refusal
from scripts.shared.whole_file import write_whole

# The import of all flow files of a folder for an environment, begun at once: its `result()` has deployments, problems.
FlowImporter = Callable[[str, Path], AbstractContextManager[Any]]
# What the description of flows depends on.
OF_FLOWS = ("flows", "scripts/registration", "requirements/runtime.txt")
# Runs in the other commit's files, with its own code: variables and layout are those of its Terraform.
PROGRAM = """
import os, sys
os.nice(10)
from scripts.delivery import planning
from scripts.shared.environments import find_environment
environment = find_environment(sys.argv[1])
planning.plan(environment, planning.planned_image(environment, "", offline=True), offline=True)
"""
LOG = ".plan.log"


def compare_applied(plan: Plan) -> Comparison:
    """A plan that is not offline, compared with what it found applied. Flows are not known to Terraform."""
    name = plan.variable("environment")
    sentence = f"To compare the flows with those that are registered: make register ENV={name} DRY_RUN=1."
    return replace(security.compare_applied(plan), flows_problem=sentence)


@contextmanager
def comparing(
    environment: Environment, given: str, import_flows: FlowImporter
) -> Iterator[Callable[[Plan], Comparison]]:
    """Begin with what the comparison with another commit needs; yields the comparison, which waits for it.

    Raises:
        Refusal: there is no commit `given`.
    """
    commit, name = git_tree.base_commit(given)
    problem = ""
    if environment.is_local:
        problem = "An offline plan of the local stack is compared with nothing."
    elif not commit:
        problem = "There is no git repository with an earlier commit here, so there is nothing to compare with."
    elif not git_tree.has_file(commit, environment.tfvars):
        problem = f"The environment {environment.name} does not exist at {name}: everything is new."
    if problem:
        yield lambda _: Comparison(problem=problem)
        return
    with ExitStack() as stack:
        yield _Base(environment, commit, name, import_flows, stack).compare


class _Base:
    """A commit with what is known of it, and what is under way."""

    def __init__(
        self, environment: Environment, commit: str, name: str, import_flows: FlowImporter, stack: ExitStack
    ) -> None:
        self._name = name
        folder = environment.directory.parent / "base" / commit / environment.name
        self._plan_file, self._flows_file = folder / "plan.json", folder / "flows.json"
        self._tree = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="base-")))
        self._planning: subprocess.Popen[bytes] | None = None
        self._flows_change = not git_tree.is_unchanged(commit, *OF_FLOWS)
        self._imports: dict[Path, Any] = {}
        needs_plan = not self._plan_file.is_file()
        needs_flows = self._flows_change and not self._flows_file.is_file()
        self._is_readable = not (needs_plan or needs_flows) or git_tree.export(commit, self._tree)
        if not self._is_readable:
            needs_plan = needs_flows = False
        if needs_plan:
            self._planning = stack.enter_context(_planning(environment, self._tree))
        for root, is_needed in ((ROOT, self._flows_change), (self._tree, needs_flows)):
            if is_needed:
                self._imports[root] = stack.enter_context(import_flows(environment.name, root))

    def compare(self, plan: Plan) -> Comparison:
        """The plan compared with that of the commit, and the flows with its flows."""
        lines: tuple[Line, ...] = ()
        flows: tuple[Line, ...] = ()
        problem = flows_problem = ""
        try:
            lines = security.security_lines(Plan.load(self._planned()), plan)
        except Refusal as refusal:
            problem = f"The plan is not compared with {self._name}: {refusal}"
        try:
            if self._flows_change:
                before, after = self._flows_before(), self._flows(ROOT)
                flows = flow_lines(before, after)
                flows_problem = " ".join([*before.problems, *after.problems])
        except (Refusal, RuntimeError) as error:
            flows_problem = f"The flows are not compared with {self._name}: {error}"
        return Comparison(self._name, lines, problem, flows, flows_problem)

    def _require_kept(self, file: Path) -> None:
        if not (self._is_readable or file.is_file()):
            raise Refusal("git cannot read the commit.")

    def _planned(self) -> Path:
        self._require_kept(self._plan_file)
        if self._planning:
            code = self._planning.wait()
            if code:
                said = (self._tree / LOG).read_text(errors="replace").strip().splitlines() or [f"exit code {code}"]
                raise Refusal(next((line.strip("│ ") for line in said if "Error: " in line), said[-1]))
            made = self._tree / "build" / self._plan_file.parent.name / "plan.json"
            write_whole(self._plan_file, made.read_text())
        return self._plan_file

    def _flows_before(self) -> Flows:
        self._require_kept(self._flows_file)
        if self._tree in self._imports:
            flows = self._flows(self._tree)
            write_whole(self._flows_file, flows.model_dump_json())
        return Flows.model_validate_json(self._flows_file.read_bytes())

    def _flows(self, root: Path) -> Flows:
        imported = self._imports[root].result()
        return Flows(
            deployments=imported.deployments,
            permissions=flow_permissions.declared(root),
            secrets=flow_secrets.declared(root),
            problems=imported.problems,
        )


@contextmanager
def _planning(environment: Environment, tree: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Plan the environment in the tree, with the providers that its own plan has."""
    data = environment.directory / "offline" / "terraform-data"
    own = tree / "build" / environment.name / "offline" / "terraform-data"
    if data.is_dir():
        shutil.copytree(data, own, ignore=shutil.ignore_patterns("providers"))
        (own / "providers").symlink_to(data / "providers")
    variables = os.environ | {BUILD_VARIABLE: str(tree / "build"), "PYTHONPATH": str(tree)}
    with (tree / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, environment.name],
            cwd=tree,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()

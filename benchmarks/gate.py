"""What the gate costs, each figure beside its peer in the same run.

    python -m benchmarks.gate

`make plan` of dev, without its check of flow files, against bare `terraform plan` + `terraform show`; our rules against
checkov on plans of three sizes.
Exit code 1 if a promise of the README is not kept.
"""

import copy
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scripts.gate.checkov_scan import FLAGS, find_checkov
from scripts.shared import terraform
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import FACTS, ROOT, Environment, find_environment
from scripts.shared.image_digest import image_digest
from scripts.shared.offline_root import offline_root

MOST_WALL = 1.5
LEAST_CPU = 20  # For the largest plan: what is read once, such as the tables, weighs on a small one.
SIZES = (1, 10, 27)  # Copies of the first environment, which has about 110 resources: the last is about 3,000.
# Reading the plan and every rule of it. What is loaded once, whatever the plan's size, is printed apart.
RULES = """
import sys, time
from pathlib import Path
from scripts.gate import catalog
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan
catalog.warm_up().join()
start = time.process_time()
plan = Plan.load(Path(sys.argv[1]))
for name in catalog.all_rules():
    catalog.run_rule(name, plan)
print(time.process_time() - start)
start = time.process_time()
hcl = Hcl(Path("terraform"), plan)
for name, module in catalog.all_rules().items():
    if hasattr(module, "check_hcl"):
        catalog.run_rule(name, plan, hcl)
print(time.process_time() - start)
"""


def copies(data: dict[str, Any], number: int) -> dict[str, Any]:
    """A plan of the same resources many times over, each time in modules of other names."""
    grown = copy.deepcopy(data)
    calls = data["configuration"]["root_module"]["module_calls"]
    modules = data["planned_values"]["root_module"]["child_modules"]
    for again in range(1, number):
        parts = json.loads(_renamed(json.dumps([data["resource_changes"], modules, calls]), again, calls))
        grown["resource_changes"] += parts[0]
        grown["planned_values"]["root_module"]["child_modules"] += parts[1]
        renamed = {f"{name}_{again}": call for name, call in parts[2].items()}
        grown["configuration"]["root_module"]["module_calls"] |= renamed
    return grown


def _renamed(text: str, number: int, names: Iterable[str]) -> str:
    for name in names:
        text = text.replace(f"module.{name}.", f"module.{name}_{number}.").replace(
            f'"module.{name}"', f'"module.{name}_{number}"'
        )
    return text


def cpu_of(command: list[str], **options: Any) -> float:
    """User and system seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wall_of(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def plans(folder: Path, environment: Environment, runs: int) -> tuple[float, float]:
    """Seconds of `make plan` and of bare Terraform, the best of `runs`, taken in turns."""
    env = terraform.environment_variables(environment, folder)
    root = offline_root(folder)
    terraform.init(root, env, None)
    variables = [f"-var-file={environment.tfvars}", f"-var=image_digest={image_digest()}"]
    tfplan = folder / "plan.tfplan"

    as_typed = {name: value for name, value in env.items() if name not in terraform.GARBAGE_COLLECTION}

    def bare() -> None:
        command = ["terraform", f"-chdir={root}", "plan", f"-out={tfplan}", *variables]
        subprocess.run(command, env=as_typed, check=True, stdout=subprocess.DEVNULL)
        terraform.show(tfplan, folder / "plan.json", root, as_typed)

    def whole() -> None:
        command = [sys.executable, "-m", "scripts.plan_environment", environment.name, "--offline", "--flows-checked"]
        own = os.environ | {"DATA_FLOWS_BUILD_DIRECTORY": str(folder / "build")}
        subprocess.run(command, env=own, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    whole()  # Its `terraform init` and caches, once.
    pairs = [(wall_of(whole), wall_of(bare)) for _ in range(runs)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def rules_and_checkov(folder: Path) -> tuple[float, list[tuple[int, float, float]]]:
    """CPU seconds of the rules about HCL; (resources, CPU seconds of those about the plan, checkov's) for each size."""
    data = json.loads((folder / "plan.json").read_text())
    python = find_checkov(ROOT).with_name("python")
    found = []
    for number in SIZES:
        path = folder / f"{number}.json"
        path.write_text(json.dumps(copies(data, number)))
        answer = subprocess.run(
            [sys.executable, "-c", RULES, str(path)], cwd=ROOT, check=True, capture_output=True, text=True
        )
        ours, of_hcl = map(float, answer.stdout.split())
        command = [str(python), str(find_checkov(ROOT)), *FLAGS, "--framework", "terraform_plan", "-f", str(path)]
        found.append((len(data["resource_changes"]) * number, ours, cpu_of(command, cwd=folder)))
    return of_hcl, found


def main() -> int:
    """Measure, print, and hold the figures against the promises."""
    parser = command_parser(__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each plan is made; the best counts")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        name = next(path.stem for path in sorted(FACTS.glob("*.tfvars")) if path.stem != "local")
        whole, bare = plans(folder, find_environment(name), runs)
        print(
            f"{f'make plan ENV={name}':<26} {whole:6.1f} s   terraform plan + show {bare:6.1f} s   {whole / bare:.2f} x"
        )
        of_hcl, sizes = rules_and_checkov(folder)
    kept = whole <= MOST_WALL * bare
    _, most, its_checkov = sizes[-1]
    kept = kept and most * LEAST_CPU <= its_checkov
    for count, ours, checkov in sizes:
        print(
            f"{count:5} resources   rules {ours:7.3f} s   checkov {checkov:7.1f} s   1/{checkov / ours:.0f} of its CPU"
        )
    print(f"rules about HCL {of_hcl:.3f} s of CPU, whatever the plan's size, while checkov scans the plan")
    (few, first, _), *_, (many, last, _) = sizes
    linear = last / first <= many / few
    print(f"{many / few:.0f} times the resources cost {last / first:.0f} times the CPU")
    print("every promise kept" if kept and linear else "a promise is not kept")
    return 0 if kept and linear else 1


if __name__ == "__main__":
    run_command(main)

"""What `make apply` does: it checks the plan that passed the gate once more, and applies it."""

import tempfile
from pathlib import Path

from scripts.gate import applied_state, catalog, engine, record
from scripts.gate.checkov_scan import CheckovScan
from scripts.shared import git_tree, terraform
from scripts.shared.environments import ROOT, Environment
from scripts.shared.guard import guard


def apply(environment: Environment) -> None:
    """Verify the record, apply the plan, store the record.

    Raises:
        Refusal: the record does not fit, or Terraform failed.
    """
    terraform.check_version()
    tfplan = environment.directory / "plan.tfplan"
    checked = record.read(environment.directory / "gate.json")
    record.verify(
        checked,
        plan=tfplan,
        environment=environment.name,
        commit=str(git_tree.source()["commit"]),
        checks=catalog.check_names(),
    )
    if applied_state.is_applied(environment, checked):
        print(f"{tfplan.name} was already applied to {environment.title}; nothing to do")
        return
    guard(environment, "apply the plan")
    root, env = ROOT / "terraform", terraform.environment_variables(environment)
    catalog.warm_up()
    with CheckovScan(ROOT, root) as scan, tempfile.TemporaryDirectory() as folder:
        terraform.init(root, env, environment.backend_file)  # The plan may come from another machine.
        plan_json = Path(folder) / "plan.json"
        terraform.show(tfplan, plan_json, root, env)
        engine.recheck(checked, tfplan, plan_json, scan)
    # The waits inside the provider dominate, not the calls.
    terraform.run(["apply", "-lock-timeout=60s", "-parallelism=20", str(tfplan)], root, env)
    applied_state.save(environment, checked, terraform.outputs(root, env))
    print(f"applied {tfplan.name} to {environment.title}; its gate record is stored beside the state")

"""What `make apply` does: the plan that the gate passed, held against it once more, then applied."""

import tempfile
from pathlib import Path

from scripts.gate import catalog, engine, record, store
from scripts.gate.checkov_scan import CheckovScan
from scripts.shared import git_tree, terraform
from scripts.shared.environments import ROOT, Environment


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
    if store.is_stored(environment, checked):
        print(f"{tfplan.name} is applied already to {environment.title}; nothing to do")
        return
    root, variables = ROOT / "terraform", terraform.environment_variables(environment)
    catalog.warm_up()
    with CheckovScan(ROOT, root) as scan, tempfile.TemporaryDirectory() as folder:
        terraform.init(root, variables, environment.backend_file)  # The plan may come from another machine.
        shown = Path(folder) / "plan.json"
        terraform.show(tfplan, shown, root, variables)
        engine.prove(checked, tfplan, shown, scan)
    # The waits inside the provider dominate, not the calls.
    terraform.run(["apply", "-lock-timeout=60s", "-parallelism=20", str(tfplan)], root, variables)
    store.store(environment, checked, terraform.outputs(root, variables))
    print(f"applied {tfplan.name} to {environment.title}; its gate record is stored beside the state")

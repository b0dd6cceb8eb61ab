"""What `make plan` does: Terraform's plan of an environment, then the gate on it."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from scripts.delivery import base_plan
from scripts.delivery.on_call_flows import on_call_flows
from scripts.gate import catalog, engine, release_scope
from scripts.gate.checkov_scan import CheckovScan
from scripts.gate.diff.line import Comparison
from scripts.gate.permissions import flow_definitions, flow_permissions
from scripts.gate.reading.plan import Plan
from scripts.shared import git_tree, terraform
from scripts.shared.environments import ROOT, Environment
from scripts.shared.facts_file import read_environment
from scripts.shared.image_digest import image_digest, link_working_tree
from scripts.shared.offline_root import init_once, offline_root
from scripts.shared.refusal import Refusal


def variable_files(environment: Environment) -> list[Path]:
    """The environment's facts, what flow files declare, and for `local` the addresses of the running stack.

    Raises:
        Refusal: a flow file declares rights or secrets in another form.
    """
    rights = environment.directory / "flows.tfvars.json"
    # The rights first: a file that is no Python is told there.
    passed = {
        "flow_permissions": flow_permissions.declared(),
        "flow_definitions": flow_definitions.definitions(environment.title, environment.facts),
        "on_call_flows": on_call_flows(),
    }
    rights.write_text(json.dumps(passed, indent=2))
    if not environment.is_local:
        return [environment.tfvars, rights]
    from scripts.shared.local_settings import HOST, LocalSettings

    settings = LocalSettings.load()
    # The agent is started again when its own code or a library has changed. Edits of flows leave it alone.
    own_code = {"AGENT_SOURCES": image_digest(folders=["scripts"])}
    variables = {
        "prefect_api_url": settings.prefect_api_url,
        "agent_health_port": settings.agent_health_port,
        "agent_environment": environment.facts["agent_environment"] | own_code,
        "flow_environment": {
            "SNOWFLAKE_HOST": HOST,
            "SNOWFLAKE_PORT": str(settings.snowflake_port),
            "SNOWFLAKE_PROTOCOL": "http",
            "DBT_CLOUD_HOST": settings.dbt_url,
            "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.3",  # Instead of 2: somebody is waiting for the lines.
        },
    }
    addresses = environment.directory / "addresses.tfvars.json"
    addresses.write_text(json.dumps(variables, indent=2))
    return [environment.tfvars, rights, addresses]


def plan(environment: Environment, digest: str, *, offline: bool) -> None:
    """Write plan.tfplan and plan.json to the environment's directory.

    Raises:
        Refusal: wrong Terraform, no provider, or Terraform refused.
    """
    terraform.check_version()
    out = environment.directory
    out.mkdir(parents=True, exist_ok=True)
    root = offline_root(out / "offline") if offline else ROOT / "terraform"
    env = terraform.environment_variables(environment, out / "offline" if offline else out)
    if offline:
        init_once(root, env)
    else:
        terraform.init(root, env, environment.backend_file)
    tfplan = out / "plan.tfplan"
    files = [f"-var-file={file}" for file in variable_files(environment)]
    terraform.run(
        [
            "plan",
            "-compact-warnings",
            "-detailed-exitcode",
            "-lock-timeout=60s",
            f"-out={tfplan}",
            *files,
            f"-var=image_digest={digest}",
        ],
        root,
        env,
        good=(0, 2),
    )
    terraform.show(tfplan, out / "plan.json", root, env)


def require_release(environment: Environment) -> None:
    """Refuse a plan that changes more than a release may; then there is no record either, so it cannot be applied."""
    (environment.directory / "gate.json").unlink(missing_ok=True)
    if findings := list(release_scope.check(Plan.load(environment.directory / "plan.json"))):
        raise Refusal("\n".join(map(str, findings)), 1)


def planned_image(environment: Environment, given: str, *, offline: bool) -> str:
    """The digest to plan with: the given one, or where nothing is pushed to a registry that of the sources (offline) or
    of the working tree (`local`).

    Raises:
        Refusal: a plan that can be applied to an account needs the digest of a pushed image.
    """
    if given:
        return given
    if offline:
        return image_digest()
    if environment.is_local:
        return link_working_tree(environment.directory)
    raise Refusal(
        f"IMAGE_DIGEST is not set; expected the digest of the pushed image: make plan ENV={environment.name} "
        "IMAGE_DIGEST=sha256:…, or OFFLINE=1 for a plan that is never applied."
    )


def plan_and_gate(
    environment: Environment,
    digest: str,
    *,
    offline: bool,
    pipeline: bool,
    base: str = "",
    import_flows: base_plan.FlowImporter,
) -> int:
    """Plan, then run the gate; returns its exit code: 0 passed, 1 findings.

    An offline plan is compared with the commit `base` (`git_tree.base_commit`), any other with what is applied.
    """
    read_environment(environment.tfvars)  # Strictly, and before Terraform starts.
    # checkov loads and scans the HCL, and the slow rules load, while Terraform plans.
    catalog.warm_up()
    with CheckovScan(ROOT, ROOT / "terraform") as scan:
        plan(environment, digest, offline=offline)
        if pipeline:
            require_release(environment)
        return gate(environment, digest, offline=offline, base=base, import_flows=import_flows, scan=scan)


def require_base(base: str, *, offline: bool) -> None:
    """Refuse a base that there is not, before anything takes time."""
    if base and not offline:
        raise Refusal(
            f"BASE is {base}; expected it with OFFLINE=1 only: another plan is compared with what is applied."
        )
    git_tree.base_commit(base)


def gate(
    environment: Environment,
    digest: str = "",
    *,
    offline: bool,
    base: str = "",
    import_flows: base_plan.FlowImporter,
    scan: CheckovScan | None = None,
) -> int:
    """Run the gate on the plan of an environment; returns its exit code."""
    with ExitStack() as stack:
        compare: Callable[[Plan], Comparison] = base_plan.compare_applied
        if offline:
            compare = stack.enter_context(base_plan.comparing(environment, base, import_flows))
        return engine.gate_folder(
            environment.directory,
            environment=environment.name,
            image_digest=digest,
            offline=offline,
            scan=scan,
            compare=compare,
        )

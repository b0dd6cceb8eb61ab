"""Plan an environment with Terraform and run the gate on the plan at once; the gate's verdict is the exit code.

    python -m scripts.plan_environment dev --image-digest sha256:…
    python -m scripts.plan_environment prod --offline     # no account, no backend; can never be applied
    python -m scripts.plan_environment dev --image-digest sha256:… --pipeline    # only what a release may change

Writes plan.tfplan, plan.json, gate.json and report.html to build/<environment>/.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

from scripts.gate import catalog, engine, release_scope
from scripts.gate.checkov_scan import CheckovScan
from scripts.gate.permissions import flow_permissions
from scripts.gate.reading.plan import Plan
from scripts.shared import terraform
from scripts.shared.environments import ROOT, Environment, find_environment
from scripts.shared.image_digest import image_digest, push_locally
from scripts.shared.refusal import Refusal, run_command

# A plan that calls nothing: no backend, no account. Only ever in a copy of the configuration.
OFFLINE_OVERRIDE = """
terraform {
  backend "local" {}
}

provider "aws" {
  access_key                  = "offline"
  secret_key                  = "offline"
  allowed_account_ids         = null # There is no account to compare with.
  max_retries                 = 1
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}
"""


def offline_root(directory: Path) -> Path:
    """A fresh copy of terraform/, modules/ and what they read below `directory`, with the offline override.

    Returns:
        The copy's root.
    """
    for folder in ("terraform", "modules", "scripts/shared"):
        shutil.rmtree(directory / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, directory / folder, ignore=shutil.ignore_patterns(".terraform", "*.py", "__*"))
    (directory / "terraform" / "offline_override.tf").write_text(OFFLINE_OVERRIDE)
    return directory / "terraform"


def init_once(root: Path, shell: dict[str, str]) -> None:
    """`terraform init` of an offline copy, unless it was done for the same providers and modules: it costs a second."""
    read = re.compile(r"^\s*(?:module|provider|source|version|required_\w+)\b.*$", re.MULTILINE)
    lines = [line for file in sorted(root.parent.rglob("*.tf")) for line in read.findall(file.read_text())]
    wanted = "\n".join([(root / ".terraform.lock.hcl").read_text(), str(terraform.find_mirror()), *lines])
    done = Path(shell["TF_DATA_DIR"]) / "initialised"
    if not (done.is_file() and done.read_text() == wanted):
        done.unlink(missing_ok=True)
        terraform.init(root, shell, None)
        done.parent.mkdir(exist_ok=True)
        done.write_text(wanted)


def variable_files(environment: Environment) -> list[Path]:
    """The environment's facts, the AWS rights that flows declare, and for `local` the addresses of the running stack.

    Raises:
        Refusal: a flow declares its rights in another form.
    """
    rights = environment.directory / "flow_permissions.tfvars.json"
    rights.write_text(json.dumps({"flow_permissions": flow_permissions.declared()}, indent=2))
    if not environment.is_local:
        return [environment.tfvars, rights]
    from scripts.local_stack.settings import HOST, LocalSettings

    settings = LocalSettings.load()
    variables = {
        "prefect_api_url": settings.prefect_api_url,
        "agent_health_port": settings.agent_health_port,
        "flow_environment": {
            "SNOWFLAKE_HOST": HOST,
            "SNOWFLAKE_PORT": str(settings.snowflake_port),
            "SNOWFLAKE_PROTOCOL": "http",
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
    shell = terraform.terraform_shell(environment, out / "offline" if offline else out)
    if offline:
        init_once(root, shell)
    else:
        terraform.init(root, shell, environment.backend_file)
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
        shell,
        good=(0, 2),
    )
    terraform.show(tfplan, out / "plan.json", root, shell)


def require_release(environment: Environment) -> None:
    """Refuse a plan that changes more than a release may; then there is no record either, so it cannot be applied."""
    (environment.directory / "gate.json").unlink(missing_ok=True)
    if findings := list(release_scope.check(Plan.load(environment.directory / "plan.json"))):
        raise Refusal("\n".join(map(str, findings)), 1)


def main() -> int:
    """Plan, then gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment")
    parser.add_argument("--offline", action="store_true", help="from an empty state, without credentials or backend")
    parser.add_argument("--image-digest", help="digest of the pushed image; local and offline plans take the sources'")
    parser.add_argument("--pipeline", action="store_true", help="refuse what the pipeline's apply role may not change")
    arguments = parser.parse_args()
    environment = find_environment(arguments.environment)
    if arguments.image_digest:
        digest = arguments.image_digest
    elif environment.is_local and not arguments.offline:
        digest = push_locally(environment.directory)
    elif arguments.offline:
        digest = image_digest()
    else:
        raise Refusal(
            f"IMAGE_DIGEST is not set; expected the digest of the pushed image: make plan ENV={environment.name} "
            "IMAGE_DIGEST=sha256:…, or OFFLINE=1 for a plan that is only looked at."
        )
    if not arguments.offline:
        environment.require_running()
        environment.require_account()
    # checkov loads and scans the HCL, and the slow rules load, while Terraform plans.
    catalog.warm_up()
    with CheckovScan(ROOT, ROOT / "terraform") as scan:
        plan(environment, digest, offline=arguments.offline)
        if arguments.pipeline:
            require_release(environment)
        return engine.gate_folder(
            environment.directory,
            environment=environment.name,
            image_digest=digest,
            offline=arguments.offline,
            scan=scan,
        )


if __name__ == "__main__":
    run_command(main)

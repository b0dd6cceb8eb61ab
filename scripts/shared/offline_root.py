"""A copy of the configuration that Terraform plans without a backend, an account or credentials."""

import re
import shutil
from pathlib import Path

from scripts.shared import terraform
from scripts.shared.environments import ROOT

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


def init_once(root: Path, env: dict[str, str]) -> None:
    """`terraform init` of an offline copy, unless it was done for the same providers and modules: it costs a second."""
    read = re.compile(r"^\s*(?:module|provider|source|version|required_\w+)\b.*$", re.MULTILINE)
    lines = [line for file in sorted(root.parent.rglob("*.tf")) for line in read.findall(file.read_text())]
    wanted = "\n".join([(root / ".terraform.lock.hcl").read_text(), str(terraform.find_mirror()), *lines])
    done = Path(env["TF_DATA_DIR"]) / "initialised"
    if not (done.is_file() and done.read_text() == wanted):
        done.unlink(missing_ok=True)
        terraform.init(root, env, None)
        done.parent.mkdir(exist_ok=True)
        done.write_text(wanted)

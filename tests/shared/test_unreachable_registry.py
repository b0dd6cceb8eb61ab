"""The real Terraform without provider and registry: what it says is what our message is made from."""

import os

import pytest

from scripts.shared import terraform
from scripts.shared.refusal import Refusal

CONFIGURATION = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
"""


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """Terraform's variables on a machine without a mirror that cannot reach the registry.

    A developer's machine can, so its way there is closed: `direct` leaves no folder to find the provider in, and the
    proxy is a port where nobody listens.
    """
    terraform.check_version()
    monkeypatch.setattr(terraform, "mirror_places", lambda: [tmp_path / "no-mirror"])
    monkeypatch.delenv(terraform.MIRROR_VARIABLE, raising=False)
    (tmp_path / "terraformrc").write_text("provider_installation {\n  direct {}\n}\n")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "main.tf").write_text(CONFIGURATION)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return {name: value for name, value in kept.items() if name.lower() not in {"no_proxy", "http_proxy"}} | {
        "HOME": str(tmp_path),
        "TF_CLI_CONFIG_FILE": str(tmp_path / "terraformrc"),
        "TF_DATA_DIR": str(tmp_path / "data"),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "CHECKPOINT_DISABLE": "1",
    }


def test_what_was_tried_and_the_variable_to_set_are_told(shell, tmp_path, capfd):
    with pytest.raises(Refusal) as refused:
        terraform.init(tmp_path / "root", shell, None)
    assert str(tmp_path / "no-mirror") in str(refused.value)
    assert "could not be reached; expected one of the two: set DATA_FLOWS_PROVIDER_MIRROR" in str(refused.value)
    assert refused.value.exit_code == 2
    assert "could not connect to registry.terraform.io" in capfd.readouterr().out


def test_a_configuration_that_is_wrong_is_not_blamed_on_the_registry(shell, tmp_path, capfd):
    """Though what Terraform says of it may name the registry."""
    (tmp_path / "root" / "main.tf").write_text('module "x" {} # registry.terraform.io/hashicorp/aws\n')
    with pytest.raises(Refusal, match="see its output above") as refused:
        terraform.init(tmp_path / "root", shell, None)
    assert refused.value.exit_code == 1
    assert "registry.terraform.io" in capfd.readouterr().out

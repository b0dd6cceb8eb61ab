"""Two applies of one environment: the second waits, or fails with the name of the first; the state takes no harm."""

import socket

import pytest
from deployment import DIGEST
from patience import until

from scripts.shared import terraform
from scripts.shared.refusal import Refusal


def locked(aws, environment):
    """Whether somebody works on the environment's state."""
    return f"{environment.state_key}.tflock" in {
        each["Key"] for each in aws["s3"].list_objects_v2(Bucket=environment.bucket("state")).get("Contents", [])
    }


def test_a_second_apply_at_once_fails_with_the_owner_of_the_first(applying, aws, capfd):
    blue = applying.environments["blue"]
    until(lambda: locked(aws, blue) or applying.applies[0].done())
    command = ["apply", "-auto-approve", "-lock-timeout=1s", f"-var-file={blue.tfvars}", f"-var=image_digest={DIGEST}"]
    with pytest.raises(Refusal) as refused:
        terraform.run(command, blue.repository.root / "terraform", blue.shell)
    assert not applying.applies[0].done()  # Else it was the only one.
    assert refused.value.exit_code == 1
    assert str(refused.value) == "terraform apply in terraform/ ended with 1: see its output above."
    said = capfd.readouterr().err
    assert "Error acquiring the state lock" in said
    assert "OperationTypeApply" in said
    assert f"@{socket.gethostname()}" in said.partition("Who:")[2].splitlines()[0]


def test_the_state_is_that_of_one_apply_alone(deployed, aws):
    blue = deployed["blue"]
    versions = blue.state_versions()
    assert len({version["lineage"] for version in versions}) == 1
    serials = [version["serial"] for version in versions]
    assert serials == sorted(set(serials))
    assert not locked(aws, blue)


def test_a_second_plan_finds_nothing_to_do(deployed):
    """Green's is asked for when blue is gone (test_deployment_destruction.py)."""
    code, output = deployed["blue"].second_plan()
    assert (code, "No changes." in output) == (0, True), output

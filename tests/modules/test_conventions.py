"""Conventions of the modules that a plan no longer shows, read from the HCL itself."""

import hcl2
import pytest

from scripts.environments import ROOT

MODULES = sorted(path.name for path in (ROOT / "modules").iterdir())
OPTIONS = hcl2.SerializationOptions(strip_string_quotes=True, explicit_blocks=False)


def blocks(folder, kind):
    """(name, body) of every block of one kind in a folder's .tf files; data and resources as `type.name`."""
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            for block in hcl2.load(file, serialization_options=OPTIONS).get(kind, []):
                for name, body in block.items():
                    if kind in ("resource", "data"):
                        yield from (
                            (f"{name}.{inner}", content) for inner, content in body.items() if inner != "__is_block__"
                        )
                    elif name != "__is_block__":
                        yield name, body


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_four_files_and_at_most_ten_variables(module):
    folder = ROOT / "modules" / module
    assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf"} <= {path.name for path in folder.iterdir()}
    assert len(list(blocks(folder, "variable"))) <= 10


@pytest.mark.parametrize(
    "folder",
    [ROOT / "terraform", ROOT / "terraform" / "bootstrap", *(ROOT / "modules" / module for module in MODULES)],
    ids=lambda path: path.name,
)
def test_every_variable_and_output_says_what_it_means_and_no_variable_may_be_null(folder):
    for name, body in [*blocks(folder, "variable"), *blocks(folder, "output")]:
        assert len(body.get("description", "")) > 20, f"{folder.name}: {name} has no description"
    for name, body in blocks(folder, "variable"):
        assert body.get("nullable") is False, f"{folder.name}: variable {name} has no nullable = false"
        assert "type" in body, f"{folder.name}: variable {name} has no type"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_calls_no_module_configures_no_provider_and_reads_nothing_from_aws(module):
    folder = ROOT / "modules" / module
    assert not list(blocks(folder, "module"))
    assert not list(blocks(folder, "provider"))
    kinds = {name.partition(".")[0] for name, _ in blocks(folder, "data")}
    assert kinds <= {"aws_iam_policy_document", "aws_partition"}


@pytest.mark.parametrize("module", MODULES)
def test_no_resource_is_named_by_nothing(module):
    names = [name.partition(".")[2] for name, _ in blocks(ROOT / "modules" / module, "resource")]
    assert names
    assert not {"this", "main", "default"} & set(names)


def test_the_root_composes_modules_and_holds_no_resource():
    assert not list(blocks(ROOT / "terraform", "resource"))
    assert sorted(name for name, _ in blocks(ROOT / "terraform", "module")) == MODULES

"""A team moves in: a copy of the repository in which everything that is a user's own is another.

The copy has another system name, other accounts, region, zones, address ranges, owner and names of environments; the
examples are deleted, and one flow in a sub-folder was made by `make new-flow`. All of it is what a person would do with
an editor and the Makefile, so nothing here knows how scripts work.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.repository_copy import commit, copy_repository

NAME, REGION, OWNER = "Payments", "us-west-2", "finance"
# The first that the repository does not have yet is made.
FLOWS = ("orders/daily_orders", "invoices/daily_invoices", "refunds/daily_refunds")
# The first is planned and checked as well.
ENVIRONMENTS = ("staging", "production", "preview", "research", "training")
# Where facts stand: everything that is the user's and names an environment, an account or a region.
FACTS = ("terraform/environments/*", "terraform/bootstrap/accounts/*", ".circleci/config.yml")


def rename_facts(copy: Path) -> list[str]:
    """Give every fact another value; returns the environments' names, `local` left out."""
    facts = copy / "terraform" / "environments"
    old = sorted(path.stem for path in facts.glob("*.tfvars") if path.stem != "local")
    names = dict(zip(old, (name for name in ENVIRONMENTS if name not in old), strict=False))
    for environment, new in names.items():
        for suffix in (".tfvars", ".s3.tfbackend"):
            (facts / f"{environment}{suffix}").rename(facts / f"{new}{suffix}")
    files = [path for pattern in FACTS for path in copy.glob(pattern)]
    accounts, regions, systems = (_values(fact, files) for fact in ("account_id", "region", "name"))
    for path in files:
        text = path.read_text()
        for environment, new in names.items():
            text = re.sub(rf"(?<![\w.]){environment}(?![\w.])", new, text)
        for account in accounts:
            text = text.replace(account, account[::-1].translate(str.maketrans("0123456789", "4567890123")))
        for region in regions:
            text = text.replace(region, REGION)
        for system in systems or {"DataFlows"}:
            kebab = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", system).lower()
            text = re.sub(rf"\b{system}\b", NAME, text).replace(f"{system.lower()}-", f"{NAME.lower()}-")
            text = text.replace(f"{kebab}/terraform.tfstate", f"{NAME.lower()}/terraform.tfstate")
        text = re.sub(r'"10\.(\d+)\.', lambda match: f'"10.{255 - int(match[1])}.', text)
        text = re.sub(r'^(owner\s*=\s*)".*"', rf'\1"{OWNER}"', text, flags=re.MULTILINE)
        if path.parent == facts and path.suffix == ".tfvars" and not _values("name", [path]):
            text += f'\nname = "{NAME}"\n'
        path.write_text(text)
    return list(names.values())


def _values(fact: str, files: Iterable[Path]) -> set[str]:
    return {each for path in files for each in re.findall(rf'^{fact}\s*=\s*"(.*)"', path.read_text(), re.MULTILINE)}


def delete_examples(copy: Path) -> None:
    """As the README says: the folder, its tests and its pages."""
    pages = [copy / "docs" / "flows" / f"{path.name}.md" for path in (copy / "flows" / "examples").glob("*")]
    for name in ("flows/examples", "tests/flows/examples"):
        shutil.rmtree(copy / name, ignore_errors=True)
    for page in pages:
        page.unlink(missing_ok=True)


def run(copy: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy, as in a terminal of its own: without what the tests around it set.

    `stdout` of the result has both outputs, as they came.
    """
    ours = ("MAKE", "MFLAGS", "PYTEST", "DATA_FLOWS_", "PREFECT_", "AWS_", "GIT_")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    for name in ("DATA_FLOWS_PROVIDER_MIRROR", "DATA_FLOWS_CHECKOV"):  # Of the machine, not of the repository.
        if name in os.environ:
            shell[name] = os.environ[name]
    # Into a file: a pipe would not end before whatever the command left behind.
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        done = subprocess.run(
            command, cwd=copy, env=shell | variables, stdout=output, stderr=subprocess.STDOUT, check=False
        )
        output.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, output.read())


def move_in(copy: Path) -> list[str]:
    """Make the copy in the empty folder `copy`; returns the names of its environments."""
    copy_repository(copy)
    environments = rename_facts(copy)
    delete_examples(copy)
    flow = next(name for name in FLOWS if not (copy / "flows" / f"{name}.py").exists())
    done = run(copy, "make", "new-flow", f"NAME={flow}")
    assert done.returncode == 0, done.stdout
    commit(copy)
    return environments

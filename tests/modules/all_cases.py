"""All cases of test_cases.py in one configuration: a small plan's time is that of reading the provider's schema."""

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline import PROVIDER, initialised, with_context

from scripts.shared.environments import ROOT
from scripts.shared.offline_root import offline_root

# Where only a refusal is looked for, the provider is not asked; what it would compute in a plan is any valid value.
MOCKED_DATA = {"aws_iam_policy_document": {"json": "{}"}, "aws_partition": {"partition": "aws"}}
MOCKS = {"aws": {"mock_data": {type_: {"defaults": values} for type_, values in MOCKED_DATA.items()}}}


@dataclass
class Planned:
    """What one case plans: attributes by address, how many of each resource type, and its outputs as far as known."""

    values: dict[str, dict[str, Any]]
    counts: Counter[str]
    outputs: dict[str, Any]


class AllCases:
    """Terraform in a folder where each of `planned` is a module of one configuration, and each of `refused` a test.

    Both are lists of (module, variables), where the module `root` stands for terraform/.
    """

    def __init__(
        self, directory: Path, planned: list[tuple[str, dict[str, Any]]], refused: list[tuple[str, dict[str, Any]]]
    ) -> None:
        offline_root(directory)
        shutil.copy(ROOT / "terraform" / ".terraform.lock.hcl", directory)
        (directory / "provider.tf").write_text(PROVIDER)
        (directory / "tests").mkdir()
        self._refused = len(refused)
        for number, (module, variables) in enumerate(planned):
            source = "./terraform" if module == "root" else f"./modules/{module}"
            block = {"source": source} | _literal(with_context(directory / source, variables))
            output = {"value": f"${{module.c{number}}}", "sensitive": True}
            (directory / f"c{number}.tf.json").write_text(
                json.dumps({"module": {f"c{number}": block}, "output": {f"c{number}": output}})
            )
        for number, (module, variables) in enumerate(refused):
            source = "./terraform" if module == "root" else f"./modules/{module}"
            run = {"plan": {"command": "plan", "module": {"source": source}}}
            test = {"mock_provider": MOCKS, "variables": with_context(directory / source, variables), "run": run}
            (directory / "tests" / f"{number}.tftest.json").write_text(json.dumps(test))
        self._test = initialised(directory)

    def plans(self) -> list[Planned]:
        """What each of `planned` plans."""
        plan = self._test.plan(output=True)
        created = {
            address: change
            for address, change in plan.resource_changes.items()
            if "create" in change["change"]["actions"]
        }
        found = []
        for number in range(len(plan.output_changes)):
            prefix = f"module.c{number}."
            mine = {address: change for address, change in created.items() if address.startswith(prefix)}
            values = {address.removeprefix(prefix): change["change"]["after"] for address, change in mine.items()}
            counts = Counter(change["type"] for change in mine.values())
            found.append(Planned(values, counts, plan.output_changes[f"c{number}"].get("after") or {}))
        return found

    def errors(self) -> list[list[str]]:
        """What Terraform says against each of `refused`, every message whole; none of one that plans."""
        command = ["terraform", f"-chdir={self._test.tfdir}", "test", "-json"]
        answer = subprocess.run(command, env=self._test.env, capture_output=True, text=True, check=False)
        found: list[list[str]] = [[] for _ in range(self._refused)]
        for line in map(json.loads, answer.stdout.splitlines()):
            if line["@level"] == "error" and "diagnostic" in line:
                said = line["diagnostic"]["detail"] or line["diagnostic"]["summary"]
                assert "@testfile" in line, said
                number = int(Path(line["@testfile"]).name.partition(".")[0])
                found[number].append(said.partition("\n\nThis was checked by")[0])
        return found


def _literal(value: Any) -> Any:
    """A value that Terraform's JSON takes as it is: its strings are templates there."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return value.replace("${", "$${").replace("%{", "%%{") if isinstance(value, str) else value

"""Spoils plan JSON in one place, as Terraform would write it: changes, planned values and configuration together."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scripts.gate.reading.plan import without_indexes

TAGGED = "module.results_store.aws_s3_bucket.results"
Data = dict[str, Any]
Change = Callable[[Data], None]


@dataclass(frozen=True)
class Mutation:
    """One mistake. `caught_by`: all checks that find it. `change` spoils plan JSON; `hcl` is (file, old, new)."""

    name: str
    caught_by: str
    change: Change | None = None
    hcl: tuple[str, str, str] | None = None

    def plan(self, data: Data) -> Data:
        """A copy of the plan with the mistake in it."""
        mutated = copy.deepcopy(data)
        if self.change:
            self.change(mutated)
        return mutated


def change_of(data: Data, address: str) -> Data:
    """A resource's entry among the changes."""
    found = [entry for entry in data["resource_changes"] if entry["address"] == address]
    assert found, f"the plan has no {address}"
    return found[0]


def value_of(data: Data, address: str) -> Data | None:
    """A resource's entry among the planned values, which checkov reads."""
    waiting = [data["planned_values"]["root_module"]]
    for module in waiting:
        waiting.extend(module.get("child_modules", []))
        for entry in module.get("resources", []):
            if entry["address"] == address:
                return entry["values"]
    return None


def module_of(data: Data, address: str) -> Data:
    """The configuration of the module that an address lies in."""
    module = data["configuration"]["root_module"]
    for name in without_indexes(address).split(".")[1:-2:2] if address.startswith("module.") else []:
        module = module["module_calls"][name]["module"]
    return module


def expressions_of(data: Data, address: str) -> Data:
    """The expressions of a resource's block in the configuration."""
    block = ".".join(without_indexes(address).split(".")[-2:])
    return next(one for one in module_of(data, address)["resources"] if one["address"] == block)["expressions"]


def configure(expressions: Data, path: list[str], expression: Data) -> None:
    """Write an expression of a block, as the configuration has it, unless the block has one for that path."""
    *outer, last = path
    for step in outer:
        inner = expressions.setdefault(step, [{}])
        if not isinstance(inner, list):  # One expression for the whole block.
            return
        expressions = inner[0]
    expressions.setdefault(last, expression)


def put(address: str, path: str, value: Any) -> Change:
    """Another value: `network_configuration.0.assign_public_ip`."""

    def change(data: Data) -> None:
        *outer, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        names = [step for step in path.split(".") if not step.isdigit()]
        configure(expressions_of(data, address), names, {"constant_value": value})
        for values in (change_of(data, address)["change"]["after"], value_of(data, address)):
            for step in outer:
                values = values[step]
            values[last] = value
        unknown = change_of(data, address)["change"]["after_unknown"]
        for step in outer:
            unknown = unknown[step] if isinstance(unknown, list) else unknown.get(step, {})
        if isinstance(unknown, dict):
            unknown.pop(last, None)

    return change


def hide(address: str, attribute: str, *references: str) -> Change:
    """Known only after the apply, because of the references."""

    def change(data: Data) -> None:
        entry = change_of(data, address)["change"]
        entry["after"].pop(attribute, None)
        entry["after_unknown"][attribute] = True
        value_of(data, address).pop(attribute, None)
        expressions_of(data, address)[attribute] = {"references": list(references)}

    return change


def remove(*addresses: str) -> Change:
    """Not there at all."""

    def change(data: Data) -> None:
        data["resource_changes"] = [one for one in data["resource_changes"] if one["address"] not in addresses]
        waiting = [data["planned_values"]["root_module"]]
        for module in waiting:
            waiting.extend(module.get("child_modules", []))
            module["resources"] = [one for one in module.get("resources", []) if one["address"] not in addresses]

    return change


def add(address: str, after: Data, **references: list[str]) -> Change:
    """One more resource; `references` are its unknown attributes."""

    def change(data: Data) -> None:
        head, type_, name = ["", *address.rsplit(".", 2)][-3:]
        module = head if head.startswith("module.") else ""
        entry = {"address": address, "mode": "managed", "type": type_, "name": name, "provider_name": "aws"}
        tags = value_of(data, TAGGED)["tags_all"] if not type_.startswith(("aws_route", "aws_iam_access")) else None
        values = after | ({"tags_all": tags} if tags else {})
        unknown = dict.fromkeys(references, True)
        data["resource_changes"].append(
            entry
            | {"module_address": module}
            | {"change": {"actions": ["create"], "before": None, "after": values, "after_unknown": unknown}}
        )
        expressions = {key: {"references": of} for key, of in references.items()}
        expressions |= {key: {"constant_value": value} for key, value in after.items()}
        block = {"address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name}
        module_of(data, address)["resources"].append(block | {"expressions": expressions})
        root = data["planned_values"]["root_module"]
        children = {one["address"]: one for one in root.get("child_modules", [])}
        children.get(module, root).setdefault("resources", []).append(entry | {"values": values})

    return change


def another(address: str, to: str, **values: Any) -> Change:
    """One more resource at `to`, of the same block as a known one and with some other values."""

    def change(data: Data) -> None:
        index = to.partition('["')[2].removesuffix('"]')
        new = copy.deepcopy(change_of(data, address)) | {"address": to, "index": index}
        new["change"]["after"] |= values
        data["resource_changes"].append(new)
        waiting = [data["planned_values"]["root_module"]]
        for module in waiting:
            waiting.extend(module.get("child_modules", []))
            known = [one for one in module.get("resources", []) if one["address"] == address]
            again = [copy.deepcopy(one) | {"address": to, "index": index} for one in known]
            for one in again:
                one["values"] |= values
            module.setdefault("resources", []).extend(again)

    return change


def statement(address: str, sid: str, attribute: str = "policy", **changes: Any) -> Change:
    """One statement of a policy changed; None takes a key out."""

    def change(data: Data) -> None:
        document = json.loads(value_of(data, address)[attribute])
        entries = document["Statement"]
        entry = next(one for one in entries if one.get("Sid", "") == sid)
        entry.update(changes)
        for key in [key for key, value in entry.items() if value is None]:
            del entry[key]
        put(address, attribute, json.dumps(document))(data)

    return change


def container(address: str, **changes: Any) -> Change:
    """The container of a task definition changed; None takes a key out."""

    def change(data: Data) -> None:
        containers = json.loads(value_of(data, address)["container_definitions"])
        containers[0] = {key: value for key, value in (containers[0] | changes).items() if value is not None}
        put(address, "container_definitions", json.dumps(containers))(data)

    return change


def setting(address: str, name: str, value: str) -> Change:
    """One more environment variable of the container."""

    def change(data: Data) -> None:
        containers = json.loads(value_of(data, address)["container_definitions"])
        container(address, environment=[*containers[0]["environment"], {"name": name, "value": value}])(data)

    return change


def act(address: str, *actions: str) -> Change:
    """Something that exists is changed in this way."""

    def change(data: Data) -> None:
        entry = change_of(data, address)["change"]
        entry |= {"actions": list(actions), "before": entry["after"]}
        entry |= {"after": None} if actions == ("delete",) else {}

    return change


def add_block(module: str, resource: Data) -> Change:
    """One more resource or data source in the configuration of a module, such as `module.iam`, or the root."""

    def change(data: Data) -> None:
        block = {"mode": "managed", "name": "new", "address": f"{resource['type']}.new", "expressions": {}} | resource
        module_of(data, f"{module}.x.y" if module else "x.y")["resources"].append(block)

    return change


def call(name: str, source: str) -> Change:
    """One more module of the root, from that source."""

    def change(data: Data) -> None:
        calls = data["configuration"]["root_module"]["module_calls"]
        calls[name] = {"source": source, "module": {}}

    return change


def provide(name: str, source: str = "registry.terraform.io/hashicorp/aws", **settings: Any) -> Change:
    """One more provider, or other settings of one."""

    def change(data: Data) -> None:
        providers = data["configuration"]["provider_config"]
        known = providers.get(name, {"name": name, "full_name": source, "expressions": {}})
        providers[name] = known | {"expressions": known["expressions"] | settings}

    return change


def both(*changes: Change) -> Change:
    """Several changes that are one mistake."""

    def change(data: Data) -> None:
        for one in changes:
            one(data)

    return change

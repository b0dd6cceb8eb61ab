"""What a pair of a bad and a good example is, and the plans that are made of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_builder import VARIABLES, plan_data, resource

Stack = dict[str, dict[str, Any]]  # Resources: attributes by address.
TITLE, PATH, PREFIX = "HarborFlows-Amber", "/HarborFlows/Amber", "harborflows-amber"
ACCOUNT, REGION = VARIABLES["account_id"], VARIABLES["region"]
CIDR, ZONE = "10.0.0.0/16", "eu-west-1a"
DELIVERY = {
    "connection_arn": f"arn:aws:codestar-connections:{REGION}:{ACCOUNT}:connection/1",
    "repository": "harbor/flows",
    "branch": "main",
    "approval": False,
}
OURS = VARIABLES | {"network": {"cidr": CIDR, "availability_zones": [ZONE]}, "delivery": DELIVERY}
IAM = "module.iam"  # A plan that has this module is held against the tables of roles.


@dataclass(frozen=True)
class Pair:
    """One check of a public project: `about` says what holds in `good` and not in `bad`.

    `strict`: why our rules refuse the good one too, in whichever plan. `ours`: why a plan of this repository may not
    hold the good one, though its types have a place there. `left`: why no rule of ours finds the bad one in a plan of
    this repository. `missed`: why neither our rules nor checkov find it in a plan of somebody else.
    """

    service: str
    about: str
    bad: Stack
    good: Stack
    strict: str = ""
    ours: str = ""
    left: str = ""
    missed: str = ""


@dataclass(frozen=True)
class Of:
    """A value that the apply will show: an attribute of another resource of the stack."""

    address: str
    attribute: str = "id"


def change(stack: Stack, address: str, **attributes: Any) -> Stack:
    """The stack with other values of a resource, or with one resource more; None takes an attribute out."""
    values = stack.get(address, {}) | attributes
    return stack | {address: {name: value for name, value in values.items() if value is not None}}


def without(stack: Stack, *addresses: str) -> Stack:
    """The stack without these resources."""
    return {address: attributes for address, attributes in stack.items() if address not in addresses}


def plan(stack: Stack, *, ours: bool) -> dict[str, Any]:
    """Plan JSON of a stack: of this repository, or of somebody who has other variables."""
    module = IAM if any(address.startswith("aws_iam_role.") for address in stack) else "module.stack"
    return plan_data(*resources(stack, module if ours else ""), variables=OURS if ours else {})


def plan_of_all(stacks: dict[str, Stack]) -> dict[str, Any]:
    """One plan of somebody else, with the planned values that checkov reads; names end with `__` and the stack's key.

    checkov remembers some policies by the block's address alone, so modules would not keep the stacks apart.
    """
    found = [one for key, stack in stacks.items() for one in resources(_renamed(stack, f"__{key}"))]
    data = plan_data(*found, variables={})
    data["planned_values"]["root_module"]["resources"] = [
        {name: one[name] for name in ("address", "mode", "type", "name")}
        | {"provider_name": "registry.terraform.io/hashicorp/aws", "values": one["change"]["after"]}
        for one in found
    ]
    return data


def _renamed(value: Any, end: str, level: int = 0) -> Any:
    """The stack with this end at the name of each resource, and at each reference to one."""
    if isinstance(value, Of):
        return Of(value.address + end, value.attribute)
    if isinstance(value, list):
        return [_renamed(one, end, level + 1) for one in value]
    if isinstance(value, dict):
        return {name + ("" if level else end): _renamed(one, end, level + 1) for name, one in value.items()}
    return value


def resources(stack: Stack, module: str = "") -> list[dict[str, Any]]:
    """The stack's resources as changes, in a module if one is named."""
    return [_resource(f"{module}.{address}".lstrip("."), attributes) for address, attributes in stack.items()]


def _resource(address: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    after = {name: known for name, value in attributes.items() if (known := _known(value)) is not None}
    unknown = {name: marks for name, value in attributes.items() if (marks := _unknown(value))}
    made_of = dict(_paths(attributes))
    blocks = {path.partition(".")[0] for path in made_of}
    references = {name: [] for name in attributes if name not in blocks} | {
        path: [one for of in found for one in (f"{of.address}.{of.attribute}", of.address)]
        for path, found in made_of.items()
    }
    return resource(address, after, unknown=unknown, references=references)


def _has_unknown_items(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, Of) for one in value)


def _known(value: Any) -> Any:
    if isinstance(value, Of) or _has_unknown_items(value):
        return None
    if isinstance(value, list):
        return [_known(one) for one in value]
    if isinstance(value, dict):
        return {name: known for name, one in value.items() if (known := _known(one)) is not None}
    return value


def _unknown(value: Any) -> Any:
    """The marks of `after_unknown`; nothing where all is known."""
    if isinstance(value, Of) or _has_unknown_items(value):
        return True
    if isinstance(value, list):
        marks = [_unknown(one) or {} for one in value]
        return marks if any(marks) else None
    if isinstance(value, dict):
        return {name: marks for name, one in value.items() if (marks := _unknown(one))}
    return None


def _paths(attributes: Any, outer: str = "") -> Iterator[tuple[str, list[Of]]]:
    """The paths of unknown values, `block.attribute`, with what they are made of."""
    for name, value in attributes.items():
        if isinstance(value, Of):
            yield outer + name, [value]
        elif _has_unknown_items(value):
            yield outer + name, [one for one in value if isinstance(one, Of)]
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, dict):
                    yield from _paths(one, f"{outer}{name}.")

"""A Terraform plan as the checks read it: planned resources, with UNKNOWN for values known only after apply."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from scripts.shared.names import Names
from scripts.shared.refusal import Refusal

MAX_BYTES = 50_000_000
INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
KEY = re.compile(INDEX.pattern + "$")
IDENTITIES = ("id", "arn", "name", "bucket", "url")


class PlanError(Refusal):
    """The file is not a plan that can be checked; the message is one sentence for the user."""


@dataclass(frozen=True)
class Finding:
    """What a check found: at which address, what is there and what should be."""

    address: str
    got: str
    expected: str

    def __str__(self) -> str:
        return f"{self.address}: got {self.got}; expected {self.expected}"


class Unknown:
    """A value known only after apply. Everything inside it is unknown too, so that no check overlooks it."""

    def __iter__(self) -> Iterator["Unknown"]:
        yield self

    def get(self, _key: str, _default: Any = None) -> "Unknown":
        return self

    def __str__(self) -> str:
        return "unknown"

    __repr__ = __str__


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Resource:
    """One planned instance. `after` holds UNKNOWN wherever `terraform show -json` leaves a value out."""

    address: str
    type: str
    name: str
    module: str
    after: dict[str, Any]
    before: dict[str, Any]
    actions: tuple[str, ...]

    @property
    def block(self) -> str:
        """The address without the indexes of `count` and `for_each`: the block in the HCL."""
        return without_indexes(".".join(filter(None, (self.module, self.type, self.name))))

    @property
    def key(self) -> str:
        """The index of `count` or `for_each`, such as `["a"]` or `[0]`; empty without."""
        match = KEY.search(self.address)
        return match[0] if match else ""


class Change(BaseModel):
    """The part of a resource change that is read; anything else in it is ignored."""

    model_config = ConfigDict(strict=True)
    actions: list[str]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    after_unknown: dict[str, Any] | bool = False


class ResourceChange(BaseModel):
    """One entry of the plan's `resource_changes`."""

    model_config = ConfigDict(strict=True)
    address: str
    type: str
    name: str
    mode: str = "managed"
    module_address: str = ""
    change: Change


CHANGES = TypeAdapter(list[ResourceChange])


class Plan:
    """A plan of format version 1. Raises PlanError if the data is something else."""

    def __init__(self, data: Any, source: str = "the plan") -> None:
        problem = _why_not_a_plan(data)
        if problem:
            raise PlanError(f"{source}: got {problem}; expected the output of `terraform show -json PLANFILE`")
        self.data = data
        try:
            changes = CHANGES.validate_python(data.get("resource_changes") or [])
            self.changes = [change for change in changes if change.mode == "managed"]
            self.resources = [_resource(change) for change in self.changes if change.change.after is not None]
            # The configuration of each module call by its address; the root's is ``""``.
            self.modules = _modules(data.get("configuration") or {})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in ("resource_changes", *first["loc"]))
            raise PlanError(f"{source}: got {where} that is no part of a plan ({first['msg']})") from None
        except RecursionError:
            raise PlanError(f"{source}: got values nested too deeply to be a plan") from None
        except (AttributeError, TypeError):
            raise PlanError(
                f"{source}: got a configuration that is no part of a plan; make it with `make plan`"
            ) from None

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Read a plan from a file. Raises PlanError with what is wrong and what to do."""
        try:
            size = path.stat().st_size
            if size > MAX_BYTES:
                raise PlanError(f"{path}: got {size:,} bytes; expected a plan of at most {MAX_BYTES:,} bytes")
            return cls(json.loads(path.read_bytes()), str(path))
        except OSError as error:
            raise PlanError(f"{path}: cannot be read ({error.strerror}); make it with `make plan`") from None
        except (ValueError, RecursionError):
            how = "it is a binary plan: `terraform show -json` turns it into JSON" if _is_zip(path) else "not JSON"
            raise PlanError(f"{path}: {how if size else 'the file is empty'}; make it with `make plan`") from None

    def planned(self, *types: str) -> Iterator[Resource]:
        """Resources as they will be after the apply, of the given types or of all; not those being destroyed."""
        for resource in self.resources:
            if not types or resource.type in types:
                yield resource

    @cached_property
    def blocks(self) -> dict[str, list[Resource]]:
        """The planned instances of each block of the HCL."""
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.block, []).append(resource)
        return found

    @cached_property
    def identities(self) -> dict[str, list[Resource]]:
        """The planned resources by id, ARN, name and URL."""
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            for value in {value for name in IDENTITIES if isinstance(value := resource.after.get(name), str)}:
                found.setdefault(value, []).append(resource)
        return found

    @property
    def is_ours(self) -> bool:
        """Whether the plan is of this repository's root, whose names, tables and image are known."""
        return self.names is not None and all(self.variable(name) for name in ("account_id", "region"))

    @cached_property
    def names(self) -> Names | None:
        """How the environment's things are called, or None where the plan has no environment."""
        stack, environment = self.variable("name"), self.variable("environment")
        return Names(stack, environment) if stack and environment else None

    def setting(self, name: str) -> Any:
        """The value of a root variable as the plan was given it, or None where this plan has none."""
        entry = (self.data.get("variables") or {}).get(name)
        return entry.get("value") if isinstance(entry, dict) else None

    def variable(self, name: str) -> str | None:
        """The text of a root variable, or None where this plan has none: not every plan is ours."""
        value = self.setting(name)
        return value if isinstance(value, str) and value else None

    def required(self, name: str) -> str:
        """The text of a root variable that every plan of ours has. Raises PlanError where this plan has none."""
        if value := self.variable(name):
            return value
        raise PlanError(f"the plan: got no variable {name}; expected a plan of this repository: `make plan`")

    @property
    def outputs(self) -> dict[str, Any]:
        """The root outputs after the apply, UNKNOWN where they are not known yet."""
        changes = self.data.get("output_changes") or {}
        return {name: merge(c.get("after"), c.get("after_unknown")) for name, c in changes.items()}


def without_indexes(address: str) -> str:
    """`module.a["x"].aws_b.c[0]` → `module.a.aws_b.c`."""
    return INDEX.sub("", address)


def merge(after: Any, unknown: Any) -> Any:
    """`after` with UNKNOWN wherever `after_unknown` marks a value."""
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict) and isinstance(after, dict | None):
        after = after or {}
        return after | {key: merge(after.get(key), mark) for key, mark in unknown.items() if mark is not False}
    if isinstance(unknown, list) and isinstance(after, list | None):
        after = after or []
        length = max(len(after), len(unknown))
        pad = [None] * length
        return [merge(*pair) for pair in zip((after + pad)[:length], (unknown + pad)[:length], strict=True)]
    return after


def _modules(configuration: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found, waiting = {}, [("", {"module": configuration.get("root_module") or {}})]
    while waiting:
        address, call = waiting.pop()
        module = call.get("module") or {}
        blocks = {str(block.get("address")): block for block in module.get("resources") or []}
        source = call.get("source")
        found[address] = {
            "call": call,
            "source": source if isinstance(source, str) else "",
            "blocks": blocks,
            "outputs": dict(module.get("outputs") or {}),
        }
        for name, inner in (module.get("module_calls") or {}).items():
            waiting.append((f"{address}.module.{name}".lstrip("."), inner))
    return found


def _resource(change: ResourceChange) -> Resource:
    return Resource(
        address=change.address,
        type=change.type,
        name=change.name,
        module=change.module_address,
        after=merge(change.change.after, change.change.after_unknown),
        before=change.change.before or {},
        actions=tuple(change.change.actions),
    )


def _why_not_a_plan(data: Any) -> str | None:
    if not isinstance(data, dict):
        return f"JSON that is {type(data).__name__}, not an object"
    version = data.get("format_version")
    if not isinstance(version, str) or not version.startswith("1."):
        return f"format_version {str(version)[:20]!r}, not 1.x"
    for key in ("planned_values", "configuration", "resource_changes", "variables", "output_changes"):
        kind = list if key == "resource_changes" else dict
        if not isinstance(data.get(key, kind()), kind | None):
            return f"{key} that is {type(data[key]).__name__}"
    if "planned_values" not in data:
        return "a state or other JSON without planned_values"
    return "a plan that ended in an error" if data.get("errored") else None


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"

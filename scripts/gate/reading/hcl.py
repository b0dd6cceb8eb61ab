"""The HCL that a plan was made from, for what the plan itself does not show."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from scripts.gate.reading.plan import Plan, without_indexes
from scripts.shared.refusal import Refusal

# python-hcl2 cannot read in two threads at once.
READING = Lock()


class Hcl:
    """A Terraform root, and the local modules that a plan calls from there, by module address; the root is ``""``."""

    def __init__(self, root: Path, plan: Plan) -> None:
        self.root = root.resolve()
        self.folders = {"": self.root}
        for address in sorted(plan.modules, key=len):
            source = plan.modules[address]["source"]
            parent = address.rpartition("module.")[0].rstrip(".")
            if address and source.startswith(".") and parent in self.folders:
                self.folders[address] = (self.folders[parent] / source).resolve()

    @property
    def modules(self) -> list[Path]:
        """The folders of the modules, each once."""
        return list(dict.fromkeys(folder for address, folder in self.folders.items() if address))

    def short(self, path: Path) -> str:
        """`modules/iam/variables.tf`: relative to the folder that holds the root."""
        base = self.root.parent
        return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()

    def block(self, address: str) -> dict[str, Any] | None:
        """What the HCL says in the block of a planned resource, or None if it is in no folder that can be read."""
        bare = without_indexes(address)
        name = ".".join(bare.split(".")[-2:])
        folder = self.folders.get(bare.removesuffix(name).rstrip("."))
        return dict(blocks(folder, "resource")).get(name) if folder else None


def blocks(folder: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, body) of every block of a kind in a folder's .tf files; data and resources are named `type.name`.

    Raises:
        Refusal: a file is no HCL.
    """
    for path in sorted(folder.glob("*.tf")):
        for block in _read(path, path.stat().st_mtime_ns).get(kind, []):
            if kind in {"terraform", "locals"}:  # These have no label.
                yield kind, block
                continue
            for name, body in block.items():
                if kind in {"resource", "data"}:
                    yield from ((f"{name}.{inner}", of) for inner, of in body.items() if not inner.startswith("__"))
                elif not name.startswith("__"):
                    yield name, body


def read_ahead(*folders: Path) -> None:
    """Read the .tf files of folders now, so that `blocks` need not."""
    for path in (path for folder in folders for path in sorted(folder.glob("*.tf"))):
        _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, _changed: int) -> dict[str, Any]:
    import hcl2  # Its parser takes a second to load, which a plan without HCL need not spend.

    options = hcl2.SerializationOptions(strip_string_quotes=True, explicit_blocks=False)
    try:
        with READING:
            return hcl2.loads(path.read_text(), serialization_options=options)
    except Exception as error:
        raise Refusal(
            f"{path}: cannot be read ({type(error).__name__}); expected HCL: run `terraform validate`"
        ) from None

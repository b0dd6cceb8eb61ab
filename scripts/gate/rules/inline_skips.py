"""The `#checkov:skip=ID:reason` comments of the HCL, by module, block and exact id."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.gate.reading.plan import Finding, without_indexes

BLOCK = re.compile(r'(resource|data|module)\s+"([^"]+)"(?:\s+"([^"]+)")?\s*\{')
SKIP = re.compile(r"(?:checkov|bridgecrew|cortex):skip=\s*([\w,-]*)(:.*)?")
SETTINGS = (".checkov.yaml", ".checkov.yml")
EXPECTED = "#checkov:skip=ID:why this is right here"


@dataclass(frozen=True)
class Skip:
    """One comment: the ids it skips, the reason, and the block and line where it stands."""

    ids: tuple[str, ...]
    reason: str
    file: Path
    line: int
    block: str


class Skips:
    """The skips of a Terraform root and of the modules that a plan calls from there."""

    def __init__(self, root: Path, sources: dict[str, str]) -> None:
        """`sources`: module address (without indexes) → the `source` of its call, from the plan's configuration."""
        self.root = root
        self.folders = {"": root}
        for module in sorted(sources, key=len):
            parent = module.rpartition("module.")[0].rstrip(".")
            if sources[module].startswith(".") and parent in self.folders:
                self.folders[module] = (self.folders[parent] / sources[module]).resolve()

    def ids_at(self, address: str) -> set[str]:
        """The ids that are skipped, with a reason or not, for the block of a planned resource."""
        return {id_ for skip in self._at(address)[1] for id_ in skip.ids}

    def place(self, address: str) -> str:
        """`modules/iam/main.tf:12`, or an empty string if the block is not in the HCL that was read."""
        place = self._at(address)[0]
        return f"{_short(place[0], self.root)}:{place[1]}" if place else ""

    def find_unreasoned(self) -> Iterator[Finding]:
        """Skips that give no reason, and settings files, which skip without showing it in the HCL."""
        for folder in dict.fromkeys([*self.folders.values(), *self._other_folders()]):
            for skip in _read(folder)[1]:
                if not skip.reason or not skip.ids:
                    where = f"{_short(skip.file, self.root)}:{skip.line}"
                    yield Finding(where, f"a skip of {', '.join(skip.ids) or 'all checks'} without a reason", EXPECTED)
        for name in SETTINGS:
            if (self.root / name).exists():
                yield Finding(
                    _short(self.root / name, self.root),
                    "a settings file of checkov",
                    f"no such file, but skips in the code: {EXPECTED}",
                )

    def _other_folders(self) -> list[Path]:
        """Folders that checkov scans though this plan does not call them."""
        return sorted({path.parent for path in self.root.rglob("*.tf") if ".terraform" not in path.parts})

    def _at(self, address: str) -> tuple[tuple[Path, int] | None, list[Skip]]:
        bare = without_indexes(address)
        block = ".".join(bare.split(".")[-2:])
        module = bare.removesuffix(block).rstrip(".").removesuffix("data").rstrip(".")
        if module not in self.folders:
            return None, []
        places, skips = _read(self.folders[module])
        return places.get(block), [skip for skip in skips if skip.block == block]


@cache
def _read(folder: Path) -> tuple[dict[str, tuple[Path, int]], list[Skip]]:
    """Blocks and skips of one folder. Blocks begin and end in column 0, which `terraform fmt` sees to."""
    places: dict[str, tuple[Path, int]] = {}
    skips: list[Skip] = []
    for file in sorted(folder.glob("*.tf")):
        block = ""
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1):
            if match := BLOCK.match(line):
                block = ".".join(filter(None, match.groups()[1:])) if match[1] != "module" else f"module.{match[2]}"
                places[block] = (file, number)
            if match := SKIP.search(line):
                ids = tuple(filter(None, match[1].split(",")))
                skips.append(Skip(ids, (match[2] or "").strip(": "), file, number, block))
            if line.startswith("}"):
                block = ""
    return places, skips


def _short(path: Path, root: Path) -> str:
    """Relative to the folder that holds the Terraform root: `modules/iam/main.tf`."""
    base = root.parent
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()

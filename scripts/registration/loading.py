"""What the code says: the deployments of all flow files, imported in a process of their own and remembered."""

import contextlib
import hashlib
import json
import platform
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from scripts.registration.closure import Sources, digest_of
from scripts.registration.import_process import Imports
from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files


@dataclass
class Loaded:
    """What the flow files say: deployments in the API's words, and what is wrong, each with its file."""

    deployments: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Loading:
    """The deployments of every flow file, on their way: `result` waits for them.

    A file is answered from `memory` where nothing that its import can see has changed since, with this Python, these
    libraries and these rules: importing Prefect takes longer than all else that registration does. Of the others the
    import begins at once, in a process of its own; leaving the context ends it.
    """

    def __init__(self, environment: str, root: Path = ROOT, memory: Path | None = None) -> None:
        self._root, self._memory, self._rules = root, memory, _rules(environment)
        self._known, parsed = _read(memory, self._rules)
        self._sources = Sources(root, parsed)
        self.files = [path.relative_to(root).as_posix() for path in flow_files(root)]
        self._imports = Imports([] if self._known else self.files, environment, root)
        self.closures = {file: self._sources.closure(file) for file in self.files}
        self._keys = {
            file: f"{file} {digest_of(self._sources.as_imported(closure))}" for file, closure in self.closures.items()
        }
        fresh = [file for file in self.files if self._keys[file] not in self._known]
        if self._known:
            self._imports = Imports(fresh, environment, root)
        self.changed = {*fresh, *(file for file in self.files if self._sources.is_new(self.closures[file]))}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Import no further; from any thread."""
        self._imports.stop()

    def unchanged(self) -> list[dict[str, Any]]:
        """Deployments of the files whose sources are as they were; those of `changed` are in the result."""
        return [
            {"file": file, **deployment}
            for file in self.files
            if file not in self.changed
            for deployment in self._known[self._keys[file]]
        ]

    def result(self) -> Loaded:
        """All of it, and remember it."""
        answers = dict(self._imports.answers())
        now = Sources(self._root)
        for file, answer in answers.items():
            if not now.holds(self.closures[file]):  # Somebody saved a file meanwhile.
                answer["problems"] = ["changed while it was imported; expected to stay as it is: register again."]
        loaded, remembered = Loaded(), {}
        for file in self.files:
            answer = answers.get(file) or {"deployments": self._known[self._keys[file]], "problems": []}
            loaded.problems += [f"{file}: {problem}" for problem in answer["problems"]]
            loaded.deployments += [{"file": file, **deployment} for deployment in answer.get("deployments", [])]
            if not answer["problems"]:
                remembered[self._keys[file]] = answer["deployments"]
        loaded.problems += _same_names(loaded.deployments)
        sources = self._sources
        if self._memory and (remembered.keys() != self._known.keys() or sources.used != sources.before):
            parsed = {key: sources.parsed[key] for key in sources.used}
            _write(self._memory, {"rules": self._rules, "deployments": remembered, "parsed": parsed})
        return loaded


def load(environment: str, root: Path = ROOT, memory: Path | None = None) -> Loaded:
    """The deployments of every flow file."""
    with Loading(environment, root, memory) as loading:
        return loading.result()


def _same_names(deployments: list[dict[str, Any]]) -> Iterator[str]:
    files = defaultdict(list)
    for each in deployments:
        files[f"{each['flow_name']}/{each['name']}"].append(each["file"])
    for name, having in files.items():
        if len(having) > 1:
            where = ", ".join(dict.fromkeys(having))
            yield f"{where}: got {len(having)} deployments named {name}; expected names to differ."


def _rules(environment: str) -> str:
    """Everything but a file's own sources that its answer depends on."""
    digest = hashlib.sha256(f"{environment} {platform.python_version()} {sys.executable}".encode())
    # The package, since it is what reads the files and remembers the answers.
    for path in (ROOT / "requirements" / "runtime.txt", *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def _read(memory: Path | None, rules: str) -> tuple[dict[str, list[dict[str, Any]]], dict[str, dict[str, Any]]]:
    """Deployments by file and what its import sees, and what files of some content hold, as the last run left them."""
    try:
        content = json.loads(memory.read_text()) if memory else {}
        return (content["deployments"], content["parsed"]) if content["rules"] == rules else ({}, {})
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}


def _write(memory: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, and not where nothing can be written, as in the image."""
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, prefix=memory.name, delete=False) as file:
            file.write(json.dumps(content))  # `dump` would write it in pure Python.
        Path(file.name).replace(memory)

"""A job's models and tests: SQL files with dbt's `ref`, `source` and `config`, in the order in which dbt builds them.

A job is a folder `_dbt_jobs/<name>` anywhere below flows/, with `models/*.sql` and `tests/*.sql` as in a dbt project.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

FOLDER = "_dbt_jobs"
MATERIALIZATIONS = ("view", "table")


class CompilationError(Exception):
    """The models cannot be built at all; the message says file and reason, as dbt does."""


@dataclass(frozen=True)
class Node:
    """A model or a test: its SQL, and the ids of the models that it reads."""

    unique_id: str
    name: str
    path: str
    sql: str
    relation: str
    materialized: str
    needs: tuple[str, ...]

    @property
    def is_test(self) -> bool:
        """Whether it returns rows that should not be, and makes no relation."""
        return self.unique_id.startswith("test.")


def find_jobs(flows: Path) -> dict[int, Path]:
    """Folders of all jobs by their id, which depends on the place below `flows` alone."""
    folders = sorted(path for path in flows.rglob(f"{FOLDER}/*") if path.is_dir())
    return {zlib.crc32(str(path.relative_to(flows)).encode()): path for path in folders}


def read_nodes(folder: Path, database: str, schema: str) -> list[Node]:
    """Every node of the job, each after those that it needs, tests right after their models as `dbt build` runs them.

    Raises CompilationError.
    """
    files = {kind: sorted((folder / f"{kind}s").glob("*.sql")) for kind in ("model", "test")}
    models = [path.stem for path in files["model"]]
    nodes = {
        node.unique_id: node
        for kind, paths in files.items()
        for path in paths
        for node in [_compile(kind, path, folder, models, database, schema)]
    }
    # A model also waits for the tests of what it reads: if one fails, dbt skips it.
    tests = [node for node in nodes.values() if node.is_test]
    graph = {node.unique_id: set(node.needs) for node in nodes.values()}
    for node in nodes.values():
        if not node.is_test:
            graph[node.unique_id] |= {
                test.unique_id
                for test in tests
                if set(test.needs) & set(node.needs) and not _reads(nodes, test, node.unique_id)
            }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise CompilationError(f"Found a cycle: {' --> '.join(error.args[1])}") from None
    return [
        Node(**{**vars(nodes[each]), "needs": tuple(sorted(graph[each]))})  # With the tests that it waits for.
        for each in order
    ]


def _reads(nodes: dict[str, Node], node: Node, wanted: str) -> bool:
    """Whether the node reads the wanted one, directly or through others."""
    waiting, seen = list(node.needs), set()
    while waiting:
        each = waiting.pop()
        if each == wanted:
            return True
        if each not in seen:
            seen.add(each)
            waiting += nodes[each].needs
    return False


def _compile(kind: str, path: Path, folder: Path, models: Sequence[str], database: str, schema: str) -> Node:
    file, project = path.relative_to(folder).as_posix(), folder.name
    needs: list[str] = []
    settings: dict[str, Any] = {}

    def fail(reason: str) -> str:
        raise CompilationError(f"Compilation Error in {kind} {path.stem} ({file}): {reason}")

    def ref(*names: str) -> str:
        if len(names) != 1 or names[0] not in models:
            return fail(f"depends on a node named '{'.'.join(names)}' which was not found")
        needs.append(f"model.{project}.{names[0]}")
        return f"{database}.{schema}.{names[0]}"

    def source(place: str, table: str) -> str:
        return f"{database}.{place}.{table}"

    def config(**given: Any) -> str:
        settings.update(given)
        if set(settings) - {"materialized"} or settings.get("materialized", "view") not in MATERIALIZATIONS:
            return fail(f"the embedded dbt Cloud knows only materialized = {' or '.join(MATERIALIZATIONS)}")
        return ""

    known: dict[str, Callable[..., str]] = {"ref": ref, "source": source, "config": config}
    jinja = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 (it makes SQL, and no page)
    try:
        sql = jinja.from_string(path.read_text()).render(known).strip().removesuffix(";")
    except TemplateError as error:
        fail(str(error))
    return Node(
        unique_id=f"{kind}.{project}.{path.stem}",
        name=path.stem,
        path=file,
        sql=sql,
        relation=f"{database}.{schema}.{path.stem}",
        materialized=settings.get("materialized", "view"),
        needs=tuple(dict.fromkeys(needs)),
    )

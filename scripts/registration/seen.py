"""What of a Python file can be seen by importing it: all but the bodies of Prefect's flows and tasks, which a run runs.

Wherever that could be wrong, the whole file counts as seen: an import too many costs half a second, one too few would
leave an old registration.
"""

import ast
import warnings
from collections.abc import Collection, Sequence

# By these a file can call a flow's function at import, or read its code: then every body of the closure may matter.
LOOKING_INSIDE = frozenset(
    {"fn", "source_code", "version", "inspect", "linecache", "ast", "tokenize", "getsource", "isgenerator"}
    | {"__wrapped__", "__code__", "__file__", "__spec__", "__loader__", "__path__", "get_data"}
)


def parse(source: bytes) -> list[ast.AST]:
    """All nodes of a file; none if it does not compile, which importing it says better."""
    try:
        tree = ast.parse(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Importing it gives them.
            compile(source, "", "exec", dont_inherit=True)  # Finds what is wrong inside bodies too.
    except (SyntaxError, ValueError, RecursionError):
        return []
    return list(ast.walk(tree))


def looks_inside(nodes: Collection[ast.AST]) -> bool:
    """Whether a file may look into functions, its own or those it imports."""
    return not nodes or any(LOOKING_INSIDE & set(_words(node)) for node in nodes)


def seen_by_import(source: bytes, nodes: Sequence[ast.AST]) -> bytes:
    """The source without the bodies of flows and tasks; their decorators, signatures and docstrings stay."""
    prefects = _prefects(nodes)
    lines = source.splitlines(keepends=True)
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_decorated(node, prefects):
            body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            start = min(map(_first_line, body), default=0)
            if start > _head_end(node):
                lines[start - 1 : node.end_lineno] = [b""] * (node.end_lineno - start + 1)
    return b"".join(lines)


def _prefects(nodes: Sequence[ast.AST]) -> set[str]:
    """Those of `flow` and `task` that are Prefect's wherever the file says them."""
    imported = {
        alias.name
        for node in (nodes[0].body if nodes else [])
        if isinstance(node, ast.ImportFrom) and node.module == "prefect" and not node.level
        for alias in node.names
        if alias.asname is None
    }
    bound = {word for node in nodes for word in _bound(node)}
    return set() if "*" in bound else {"flow", "task"} & imported - bound


def _is_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef, prefects: set[str]) -> bool:
    """Whether Prefect decorates it, and nothing else does."""
    called = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return bool(called) and all(isinstance(each, ast.Name) and each.id in prefects for each in called)


def _head_end(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The last line of the signature and docstring."""
    head = [*ast.walk(node.args), *([node.returns] if node.returns else [])]
    head += node.body[:1] if ast.get_docstring(node, clean=False) is not None else []
    return max([node.lineno, *(each.end_lineno for each in head if hasattr(each, "end_lineno"))])


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])


def _words(node: ast.AST) -> list[str]:
    """Names that a node uses."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [part for alias in node.names for part in alias.name.split(".")]
        return names + (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else names
    return [getattr(node, "id", ""), getattr(node, "attr", "")]


def _bound(node: ast.AST) -> list[str]:
    """Names that a node binds, but for Prefect's own as they are imported from it."""
    if isinstance(node, ast.ImportFrom) and node.module == "prefect" and not node.level:
        return [alias.asname or "" for alias in node.names]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.alias):
        return []
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    return [name for name in (getattr(node, "arg", None), getattr(node, "name", None)) if isinstance(name, str)]

"""What flow files declare in a variable that is read and not run: what a reviewer sees is what holds."""

import ast
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from scripts.shared.flow_files import flow_files, flow_of, parse, syntax_problem
from scripts.shared.refusal import Refusal

T = TypeVar("T")


def read(root: Path, name: str, type_: TypeAdapter[T], expected: str, *, strict: bool = True) -> dict[str, T]:
    """What the variable `name` of each flow file holds, by flow: the file's path below flows/, without its ending.

    Raises:
        Refusal: a file declares something else, or is no Python; all such files are named. Unless `strict`, they are
            left out: the caller has told of them.
    """
    found, problems = {}, []
    for path in flow_files(root):
        file = path.relative_to(root)
        try:
            statement = _statement(parse(path), name)
        except SyntaxError as error:
            problems.append(syntax_problem(error, root))
            continue
        if not statement:
            continue
        where = f"{file.as_posix()}:{statement.lineno}: got {name}"
        try:
            # A loop has a target and no value.
            value = ast.literal_eval(getattr(statement, "value", statement))
            found[flow_of(file)] = type_.validate_python(value)
        except ValidationError as error:
            problems += [f"{where}{_place(each['loc'])}: {each['msg']}; {expected}." for each in error.errors()]
        except (ValueError, TypeError):
            text = ast.unparse(statement).partition("\n")[0][:60]
            problems.append(f"{where} that cannot be read without running the file (`{text}`); {expected}.")
    if problems and strict:
        raise Refusal("\n".join(problems), 1)
    return found


def _place(loc: tuple[Any, ...]) -> str:
    return "".join(f"[{part!r}]" for part in loc)


def _statement(tree: ast.Module, name: str) -> ast.stmt | None:
    """What gives the variable a value."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node
    return None

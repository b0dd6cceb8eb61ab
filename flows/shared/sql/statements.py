"""Statements of an SQL file: where each begins, its syntax tree, and the parameters that it binds.

Statements run as they are written; sqlglot only reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

DIALECT = "snowflake"
PARAMETERS = ("start", "end")


@dataclass(frozen=True)
class Statement:
    """One statement. `template` has `%s` where each of its `parameters` stands, in their order."""

    line: int
    text: str
    template: str
    parameters: tuple[str, ...]

    @property
    def beginning(self) -> str:
        """The first words, for a message."""
        return " ".join(self.text.split())[:60]


class ProblemError(Exception):
    """What is wrong with a file: its line, and what was got and expected."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def read_statements(text: str) -> Iterator[tuple[exp.Expr, Statement]]:
    """Each statement's tree, and the statement. Raises ProblemError."""
    try:
        tokens = sqlglot.tokenize(text, dialect=DIALECT)
    except SqlglotError:
        raise ProblemError(1, "got a quote or a comment without an end; expected SQL of Snowflake") from None
    for part in _parts(tokens):
        begin, end = part[0].start, part[-1].end + 1
        line = _line(text, begin)
        try:
            tree = sqlglot.parse_one(text[begin:end], dialect=DIALECT)
        except SqlglotError as error:
            where = (getattr(error, "errors", None) or [{}])[0]
            raise ProblemError(
                line + where.get("line", 1) - 1,
                f"got a syntax error near `{where.get('highlight', part[0].text)}`; expected SQL of Snowflake",
            ) from None
        found = list(_colons(text, part))
        _check_parameters(tree, {name: _line(text, at) for at, _, name in found}, [name for *_, name in found], line)
        pieces, position = [], begin
        for at, after, _ in [*found, (end, end, "")]:
            pieces.append(text[position:at].replace("%", "%%") if found else text[position:at])
            position = after
        # Its type is said: a text would be compared as a text.
        template = "%s::TIMESTAMP_NTZ".join(pieces)
        yield tree, Statement(line, text[begin:end], template, tuple(name for *_, name in found))


def parameter_of(tree: exp.Expr) -> str:
    """Name of the parameter that the tree is, or nothing."""
    return str(tree.this).lower() if isinstance(tree, exp.Placeholder) else ""


def _check_parameters(tree: exp.Expr, lines: dict[str, int], found: list[str], line: int) -> None:
    """Raise ProblemError for a parameter that nothing binds, and where tokens and tree do not agree."""
    names = [parameter_of(each) for each in tree.find_all(exp.Placeholder)]
    # $1 is a column of a stage's file.
    variables = [each.name for each in tree.find_all(exp.Parameter) if not isinstance(each.this, exp.Literal)]
    unknown = [f":{name}" for name in names if name not in PARAMETERS] + [f"${name}" for name in variables]
    if unknown:
        where = lines.get(unknown[0][1:], line)
        raise ProblemError(where, f"got the parameter {unknown[0]}, which nothing binds; expected :start or :end")
    if sorted(names) != sorted(found):
        raise ProblemError(line, "got a colon that can begin a parameter or a path; expected ` :start`, or `a:b`")


def _colons(text: str, part: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Begin, end and name of each parameter. A colon right behind a value is a path into it, as in `a:end`."""
    for colon, name in pairwise(part):
        is_path = re.match(r'[\w"\])]', text[colon.start - 1 : colon.start])
        if colon.token_type is TokenType.COLON and colon.end + 1 == name.start and not is_path:
            yield colon.start, name.end + 1, name.text.lower()


def _parts(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each statement."""
    part: list[Token] = []
    for token in tokens:
        if token.token_type is not TokenType.SEMICOLON:
            part.append(token)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1

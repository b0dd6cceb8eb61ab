"""Whether a SQL statement only reads. The parser decides: no session of Snowflake only reads, and DDL stays."""

import logging

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, SqlglotError

from scripts.shared.refusal import Refusal

READS = (exp.Query, exp.Values, exp.Show, exp.Describe, exp.ListStage)
# Of these, the parser does not know every form, and looks no further than the first word.
READING_WORDS = {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "LIST", "LS"}
# What must not be anywhere in a query, such as in a CTE.
WRITES = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock)
# Other functions of this prefix may do something, such as cancel a query.
SYSTEM_READS = {"CLUSTERING_DEPTH", "CLUSTERING_INFORMATION", "PIPE_STATUS", "STREAM_HAS_DATA", "TYPEOF"}
EXPECTED = "expected a statement that only reads (select, with, values, show, describe, list, explain)"


def without_comments(sql: str) -> str:
    """The statement if it only reads, each character at its place: Snowflake gets what the parser took for no comment.

    Raises:
        Refusal: it writes, is several, or cannot be read.
    """
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # It warns of each statement that it keeps as text.
    try:
        tokens = sqlglot.tokenize(sql, read="snowflake")
        parsed = sqlglot.parse(sql, read="snowflake")
    except ParseError as error:
        raise Refusal(f"SQL: {_place(error)}; correct it, or let Snowflake itself read it with WRITE=1.") from None
    except SqlglotError:
        raise Refusal("SQL: got a text in quotes that does not end; expected its end.") from None
    # A comment after the last semicolon is one of the latter.
    statements = [each for each in parsed if each and not isinstance(each, exp.Semicolon)]
    if len(statements) != 1:
        raise Refusal(f"SQL: got {len(statements)} statements; expected one, such as SQL='select current_user()'.")
    if got := _write(statements[0], tokens):
        raise Refusal(f"SQL: got {got}; {EXPECTED}: WRITE=1 lets it write.")
    return _tokens_only(sql, tokens)


def _write(statement: exp.Expr, tokens: list[Token]) -> str:
    """What of the statement may write; nothing if it only reads."""
    # Another statement follows this operator. The parser takes some for a part of the first one.
    if any(token.token_type is TokenType.DARROW for token in tokens) or "->>" in _kept_as_text(statement):
        return "->>"
    word = tokens[0].text.upper()
    if not isinstance(statement, READS):
        reads = isinstance(statement, exp.Command) and word in READING_WORDS
        return "" if reads else statement.key.upper() if word == "WITH" else word
    for node in statement.walk():
        if isinstance(node, WRITES) and not isinstance(node, exp.Query):
            return node.key.upper()
        name = node.name.upper() if isinstance(node, exp.Anonymous | exp.Column) else ""
        if name == "NEXTVAL" or (name.startswith("SYSTEM$") and name.removeprefix("SYSTEM$") not in SYSTEM_READS):
            return name
    return ""


def _kept_as_text(statement: exp.Expr) -> str:
    return str(statement.expression or "") if isinstance(statement, exp.Command) else ""


def _tokens_only(sql: str, tokens: list[Token]) -> str:
    if tokens[0].token_type is TokenType.COMMAND:  # EXPLAIN, whose rest is one token without its place.
        return sql
    kept = [" " if character != "\n" else "\n" for character in sql]
    for token in tokens:
        if token.token_type is not TokenType.SEMICOLON:
            kept[token.start : token.end + 1] = sql[token.start : token.end + 1]
    return "".join(kept).rstrip()


def _place(error: ParseError) -> str:
    found = error.errors[0]
    text = str(found.get("highlight") or "")
    column = int(found.get("col") or 1) - max(len(text) - 1, 0)
    return f'line {found.get("line")}, position {column}: got "{text}", which no statement has there'

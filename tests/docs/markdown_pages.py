"""The repository's Markdown pages: their headings, links, code blocks and inline code."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from scripts.shared.environments import ROOT

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
SHELL = {"", "bash", "console"}


@dataclass(frozen=True)
class Code:
    """A code block with its language, or the inline code of a paragraph; `where` is the page and the line."""

    where: str
    language: str
    text: str
    is_block: bool


@cache
def tokens(page: str) -> list[Token]:
    """A page's block tokens."""
    return MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text())


def code() -> Iterator[Code]:
    """All code of all pages."""
    for page in PAGES:
        line = 0
        for token in tokens(page):
            line = token.map[0] + 1 if token.map else line
            if token.type == "fence":
                yield Code(f"{page}:{line}", token.info.strip(), token.content, is_block=True)
            for child in token.children or []:
                if child.type == "code_inline":
                    yield Code(f"{page}:{line}", "", child.content, is_block=False)


def blocks(*languages: str) -> list[Code]:
    """The code blocks in one of these languages."""
    return [each for each in code() if each.is_block and each.language in languages]


def links() -> Iterator[tuple[str, str]]:
    """Each page with the target of each of its links."""
    for page in PAGES:
        for token in tokens(page):
            for child in token.children or []:
                if child.type == "link_open":
                    yield page, str(child.attrs["href"])


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = [
        text for opening, text in zip(tokens(page), tokens(page)[1:], strict=False) if opening.type == "heading_open"
    ]
    words = [re.sub(r"[`*]", "", heading.content).lower() for heading in headings]
    return {re.sub(r"[^\w -]", "", each).replace(" ", "-") for each in words}


def commands() -> list[tuple[str, list[str]]]:
    """Every command line of the pages, split into words, with the place it stands at."""
    found = []
    for each in code():
        lines = each.text.replace("\\\n", " ").splitlines() if each.language in SHELL else []
        if each.is_block and any(line.startswith("$ ") for line in lines):
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in lines:
            try:
                words = shlex.split(line, comments=True)
            except ValueError:  # Output, or one line of a longer quoted text.
                continue
            if words:
                found.append((each.where, words))
    return found

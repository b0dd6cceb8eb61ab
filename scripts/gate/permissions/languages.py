"""Decides whether texts that some IAM patterns match are all matched by others, and finds the shortest that is not.

A pattern is text with `*` (any characters, none included) and `?` (one character): a regular language. The patterns run
side by side as automata, and only states that some text reaches are made.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

# One character that stands for all that no pattern names.
OTHER = "x"
State = tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Texts:
    """The texts that one of the patterns matches, or with `but` those that none matches (NotResource)."""

    patterns: tuple[str, ...]
    but: bool = False


ALL = Texts(("*",))


@cache
def shortest(within: tuple[Texts, ...], without: tuple[str, ...] = ()) -> str | None:
    """The shortest text that is in each of `within` and that no pattern of `without` matches; None if there is none."""
    groups = [*within, Texts(without, but=True)]
    covered = set(without)
    for number, texts in enumerate(within):
        if not texts.but:  # What is excluded by the very same pattern needs no search: most honest policies.
            groups[number] = Texts(tuple(each for each in texts.patterns if each not in covered))
    if any(not texts.patterns and not texts.but for texts in groups):
        return None
    return _search(groups)


def _search(groups: Sequence[Texts]) -> str | None:
    patterns = [pattern for texts in groups for pattern in texts.patterns]
    sizes = [len(texts.patterns) for texts in groups]

    def accepts(state: State) -> bool:
        ends, position = [len(pattern) in at for pattern, at in zip(patterns, state, strict=True)], 0
        for texts, size in zip(groups, sizes, strict=True):
            if any(ends[position : position + size]) is texts.but:
                return False
            position += size
        return True

    def is_alive(state: State) -> bool:
        """Whether each group that must match still can."""
        position = 0
        for texts, size in zip(groups, sizes, strict=True):
            if not texts.but and not any(state[position : position + size]):
                return False
            position += size
        return True

    start = tuple(_settle(pattern, [0]) for pattern in patterns)
    waiting, seen = deque([("", start)]), {start}
    while waiting:
        text, state = waiting.popleft()
        if accepts(state):
            return text
        for letter in _letters(patterns, state):
            following = tuple(_step(pattern, at, letter) for pattern, at in zip(patterns, state, strict=True))
            if following not in seen and is_alive(following):
                seen.add(following)
                waiting.append((text + letter, following))
    return None


def _letters(patterns: Sequence[str], state: State) -> Iterator[str]:
    """The characters that make a difference here, and one that stands for all others."""
    named = {
        pattern[at] for pattern, positions in zip(patterns, state, strict=True) for at in positions - {len(pattern)}
    }
    named -= {"*", "?"}
    yield from sorted(named)
    yield next(each for each in (OTHER, *"yzabcdefghijklmnopqrstuvw0123456789") if each not in named)


def _step(pattern: str, positions: frozenset[int], letter: str) -> frozenset[int]:
    after = []
    for at in positions:
        if at < len(pattern):
            if pattern[at] == "*":
                after.append(at)
            elif pattern[at] in ("?", letter):
                after.append(at + 1)
    return _settle(pattern, after)


def _settle(pattern: str, positions: list[int]) -> frozenset[int]:
    """With the positions that are reached without a character: behind a `*`."""
    found = set()
    for at in positions:
        found.add(at)
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            found.add(at)
    return frozenset(found)

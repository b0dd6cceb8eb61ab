"""Whether IAM patterns match nothing but what others match is decided exactly, with the shortest counterexample."""

import itertools
import random
import re

import pytest

from scripts.gate.permissions.languages import ALL, Texts, shortest


@pytest.mark.parametrize(
    ("within", "without", "found"),
    [
        (["arn:s:q"], ["arn:s:*"], None),
        (["arn:s:*"], ["arn:s:q*"], "arn:s:"),
        (["arn:s:Payroll"], ["arn:s:task-events"], "arn:s:Payroll"),
        (["a*c"], ["a*b*c", "ac"], "acc"),
        (["a?"], ["ab", "ac"], "ax"),
        (["a*"], ["a", "a?*"], None),
        (["*"], ["*"], None),
        ([], [], None),
    ],
)
def test_the_shortest_text_that_is_left_is_found(within, without, found):
    assert shortest((Texts(tuple(within)),), tuple(without)) == found


def test_texts_that_must_not_match_are_understood_too():
    others = Texts(("arn:s:own-*",), but=True)
    assert shortest((Texts(("arn:s:*",)), others), ("arn:s:",)) == "arn:s:o"
    assert shortest((others, Texts(("arn:s:own-*",)))) is None
    assert shortest((ALL,)) == ""


def matches(pattern, text):
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL)


def test_it_is_what_trying_all_texts_finds():
    """Over three letters, one of which no pattern names."""
    choice = random.Random(20)  # noqa: S311 - no secret.
    texts = ["".join(letters) for size in range(6) for letters in itertools.product("abx", repeat=size)]

    def some(most):
        return tuple("".join(choice.choices("ab*?", k=choice.randint(1, 4))) for _ in range(choice.randint(1, most)))

    for _ in range(400):
        groups = tuple(Texts(some(2), but=choice.random() < 0.3) for _ in range(choice.randint(1, 2)))
        without = some(3)
        left = [
            text
            for text in texts
            if all(any(matches(each, text) for each in group.patterns) is not group.but for group in groups)
            and not any(matches(each, text) for each in without)
        ]
        found = shortest(groups, without)
        assert (found is None) if not left else (found is not None and len(found) == len(left[0])), (groups, without)
        assert found is None or found in left

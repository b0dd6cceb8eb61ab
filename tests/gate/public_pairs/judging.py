"""What our rules say of the pairs, and the table of it in docs/gate.md."""

from collections.abc import Callable, Iterable
from functools import cache

from public_pairs import PAIRS
from public_pairs.pair import Pair, Stack, plan
from scripts.gate import catalog
from scripts.gate.decisions.tables import tables
from scripts.gate.reading.plan import Plan

HEAD = """| | pairs | bad: found in a plan of ours | of a type without a place here | found in a foreign plan | there with checkov | good: pass there |
|---|---|---|---|---|---|---|"""  # noqa: E501 - a table has no other way.
BAD, GOOD = "bad", "good"


def found(pair: Pair, side: str, *, ours: bool) -> tuple[str, ...]:
    """What our rules find at the resources of one side of a pair, as sentences with the rule before them."""
    return _found(id(pair.bad if side == BAD else pair.good), ours)


STACKS = {id(stack): stack for pair in PAIRS for stack in (pair.bad, pair.good)}


@cache  # Many pairs have one good stack in common.
def _found(number: int, ours: bool) -> tuple[str, ...]:
    read = Plan(plan(STACKS[number], ours=ours))
    # What else must be in a plan of ours is found at other addresses.
    own = {change.address for change in read.changes}
    return tuple(
        f"{rule}: {finding.address}: got {finding.got}; expected {finding.expected}"
        for rule in catalog.all_rules()
        for finding in catalog.run_rule(rule, read).findings
        if finding.address in own
    )


def has_no_place(stack: Stack) -> bool:
    """Whether a plan of this repository may not have it because no table is about one of its types."""
    return any(address.partition(".")[0] not in tables() for address in stack)


def table(by_checkov: Iterable[str]) -> str:
    """The counts by service; `by_checkov` has what the pairs are about whose bad example checkov finds."""
    seen = set(by_checkov)
    columns: tuple[Callable[[Pair], bool], ...] = (
        lambda _: True,
        lambda pair: bool(found(pair, BAD, ours=True)),
        lambda pair: has_no_place(pair.bad),
        lambda pair: bool(found(pair, BAD, ours=False)),
        lambda pair: bool(found(pair, BAD, ours=False)) or pair.about in seen,
        lambda pair: not found(pair, GOOD, ours=False),
    )
    services = {service: [one for one in PAIRS if one.service == service] for service in (p.service for p in PAIRS)}
    rows = [
        f"| {service} | {' | '.join(str(sum(map(column, pairs))) for column in columns)} |"
        for service, pairs in (services | {"all": list(PAIRS)}).items()
    ]
    return "\n".join([HEAD, *rows])

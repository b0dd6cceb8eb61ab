"""Roles and resource policies allow what the tables in scripts/gate/permissions/ say, to whom they say, and no more."""

from collections.abc import Iterator

from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies", "bounded_roles")
OURS = True


def check(plan: Plan) -> Iterator[Finding]:
    # The evaluator's import costs what all other rules together do not.
    from scripts.gate.permissions import containment, oracle

    yield from containment.check(plan)
    yield from oracle.check(plan)

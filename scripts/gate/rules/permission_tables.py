"""Every role can do what its table in scripts/gate/permissions/ allows, and nothing that it forbids."""

from collections.abc import Iterator

from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies", "bounded_roles")
OURS = True


def check(plan: Plan) -> Iterator[Finding]:
    from scripts.gate.permissions import oracle  # The evaluator's import costs what all other rules together do not.

    yield from oracle.check(plan)

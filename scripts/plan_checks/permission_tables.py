"""Each role may do what its table in scripts/permissions/ says, and nothing that the table forbids."""

from collections.abc import Iterator

from scripts.plan_checks.plan import Finding, Plan

NEEDS = ("known_policies", "bounded_roles")
OURS = True


def check(plan: Plan) -> Iterator[Finding]:
    from scripts import permission_oracle  # The evaluator's import costs what all other rules together do not.

    yield from permission_oracle.check(plan)

"""The gate's checks: one property per file, each with `check(plan)`, found by being in this folder."""

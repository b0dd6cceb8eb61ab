"""The gate: a plan is checked before anything is applied."""

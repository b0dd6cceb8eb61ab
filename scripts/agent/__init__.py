"""The agent: Prefect's ECS worker, which also settles runs and tasks that have come apart (docs/decisions/0017)."""

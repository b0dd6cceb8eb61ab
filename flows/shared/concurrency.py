"""How many task runs may do something at once, across all flows. Registration writes these limits to Prefect.

A task takes part by the tag: `@task(tags=["data-flows.warehouse"])`. Over the limit it waits.
"""

# The smallest warehouse runs eight statements at once (MAX_CONCURRENCY_LEVEL); more would queue there, at its cost.
LIMITS = {"data-flows.warehouse": 8}

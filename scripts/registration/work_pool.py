"""The environment's work pool, with the base job template that Terraform gives."""

from typing import Any

from scripts.registration.actions import Action, creation_or_update
from scripts.registration.api import Prefect
from scripts.shared.refusal import Refusal

TYPE = "ecs"


async def work_pool_action(prefect: Prefect, name: str, template: dict[str, Any], at_once: int | None = None) -> Action:
    """Create the pool, or write template and limit if they differ. Without a limit, one set by hand stays.

    Raises:
        Refusal: a pool of that name is of another type.
    """
    pool = await prefect.read(f"work_pools/{name}")
    if pool and pool["type"] != TYPE:
        raise Refusal(
            f"Work pool {name}: got type {pool['type']}; expected {TYPE}. Delete it, or rename it, and register again.",
            1,
        )
    content: dict[str, Any] = {"base_job_template": template} | ({"concurrency_limit": at_once} if at_once else {})
    return creation_or_update(
        prefect,
        f"work pool {name}",
        is_there=bool(pool),
        difference=", ".join(field for field in content if pool and pool[field] != content[field]),
        create=("work_pools/", {"name": name, "type": TYPE, **content}),
        update=(f"work_pools/{name}", content),
    )


async def queues(prefect: Prefect, name: str) -> set[str]:
    """Work queues of the pool; a pool that is not there yet will have the one that each has."""
    found = (
        await prefect.read_all(f"work_pools/{name}/queues/filter") if await prefect.read(f"work_pools/{name}") else []
    )
    return {"default", *(each["name"] for each in found)}

"""What Prefect holds: which deployments are registered as they are to be, those that are not, and those to delete."""

from typing import Any

from scripts.registration.actions import Action, removal
from scripts.registration.api import PAGE, Prefect
from scripts.registration.deployments import Deployment

COUNTED = 100  # Prefect on SQLite takes no more than 127 tags at once.
WORTH_READING = 4


async def not_registered(prefect: Prefect, everything: list[Deployment], tag: str) -> list[Deployment]:
    """Those that Prefect does not hold with `tag` and the digest they are to have, and maybe some neighbours.

    By counts, which cost the server next to nothing, where reading a deployment costs it more than all else here. A
    count that does not add up is split until what is wrong with it is worth reading.
    """
    found: list[Deployment] = []

    async def missing(some: list[Deployment]) -> int:
        filters = {"tags": {"all_": [tag], "any_": [each.digest_tag for each in some]}}
        there: int = await prefect.read("deployments/count", deployments=filters)
        return len(some) - there

    chunks = [everything[start : start + COUNTED] for start in range(0, len(everything), COUNTED)]
    ahead = [(some, await missing(some)) for some in chunks]
    while ahead:
        some, count = ahead.pop()
        if count and (len(some) <= WORTH_READING or count > WORTH_READING):
            found += some
        elif count:
            first, second = some[: len(some) // 2], some[len(some) // 2 :]
            of_first = await missing(first)
            ahead += [(first, of_first), (second, count - of_first)]
    return found


async def registered_with_tag(prefect: Prefect, tag: str) -> dict[str, dict[str, Any]]:
    """All deployments with a tag, by `<flow>/<deployment>`."""
    return await _registered(prefect, deployments={"tags": {"all_": [tag]}})


async def registered_under_names(prefect: Prefect, wanted: list[Deployment]) -> dict[str, dict[str, Any]]:
    """Deployments of the same names, whoever's they are."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(wanted), PAGE):
        some = wanted[start : start + PAGE]
        found |= await _registered(
            prefect,
            flows={"name": {"any_": sorted({each.flow_name for each in some})}},
            deployments={"name": {"any_": sorted({each.fields["name"] for each in some})}},
        )
    return {each.title: found[each.title] for each in wanted if each.title in found}


async def _registered(prefect: Prefect, **filters: Any) -> dict[str, dict[str, Any]]:
    flows = {flow["id"]: flow["name"] for flow in await prefect.read_all("flows/filter", **filters)}
    found = await prefect.read_all("deployments/filter", **filters)
    # One that was made between the two reads has a flow that is not known yet; it is another registration's.
    return {f"{flows[each['flow_id']]}/{each['name']}": each for each in found if each["flow_id"] in flows}


async def prune(prefect: Prefect, gone: dict[str, dict[str, Any]]) -> list[Action]:
    """Delete deployments that are no longer in code, and say which of their runs are scheduled or under way."""
    ids = {each["id"]: title for title, each in gone.items()}
    runs: dict[str, list[dict[str, Any]]] = {title: [] for title in gone}
    for start in range(0, len(ids), PAGE):
        for run in await prefect.read_all(
            "flow_runs/filter",
            flow_runs={
                "deployment_id": {"any_": list(ids)[start : start + PAGE]},
                "state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}},
            },
            sort="EXPECTED_START_TIME_ASC",
        ):
            runs[ids[run["deployment_id"]]].append(run)

    return [
        removal(prefect, title, _fate(runs[title]), f"deployments/{each['id']}", is_deployment=True)
        for title, each in sorted(gone.items())
    ]


def _fate(runs: list[dict[str, Any]]) -> str:
    times = [run["expected_start_time"] for run in runs if run["state_type"] == "SCHEDULED"]
    scheduled = f"; {len(times)} scheduled runs go with it, the next of {times[0][:16]}Z" if times else ""
    under_way = len(runs) - len(times)
    return f"no longer in code{scheduled}" + (f"; {under_way} runs under way go on" if under_way else "")

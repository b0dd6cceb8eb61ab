"""Blocks, Prefect's stored settings: created by name, and written again when they differ."""

from collections.abc import Awaitable, Callable
from typing import Any

from scripts.registration.actions import CREATE, PRUNE, UNCHANGED, UPDATE, Action
from scripts.registration.api import Conflict, Prefect
from scripts.shared.refusal import Refusal

Identity = Callable[[], Awaitable[str | None]]


async def block_actions(
    prefect: Prefect, wanted: dict[str, tuple[str, dict[str, Any] | None]]
) -> dict[str, tuple[Action, Identity]]:
    """For each name what is to be done about its block, and how to get its id once that is done.

    `wanted` has by name the slug of the block's type and its data, None for a block that is not to be there. What
    differs is told by the field's name alone.
    """

    async def read() -> dict[str, dict[str, Any]]:
        found = await prefect.read(
            "block_documents/filter",
            block_documents={"name": {"any_": list(wanted)}},
            block_types={"slug": {"any_": sorted({slug for slug, _ in wanted.values()})}},
            include_secrets=True,
        )
        return {each["name"]: each for each in found if each["block_type"]["slug"] == wanted[each["name"]][0]}

    held = await read()

    def one(name: str, slug: str, data: dict[str, Any] | None) -> tuple[Action, Identity]:
        there, what = held.get(name), f"block {slug}/{name}"
        changed = [field for field, value in (data or {}).items() if there and there["data"].get(field) != value]

        async def update() -> None:
            await prefect.write(
                "PATCH", f"block_documents/{held[name]['id']}", {"data": data, "merge_existing_data": False}
            )

        async def create() -> None:
            kind = await prefect.read(f"block_types/slug/{slug}")
            if kind is None:
                raise Refusal(
                    f"Prefect has no block type {slug}; expected one. The server creates it when it starts: restart it."
                )
            # Newest first.
            schemas = await prefect.read(
                "block_schemas/filter", block_schemas={"block_type_id": {"any_": [kind["id"]]}}
            )
            document = {"name": name, "data": data, "block_type_id": kind["id"], "block_schema_id": schemas[0]["id"]}
            try:
                held[name] = await prefect.write("POST", "block_documents/", document)
            except Conflict:  # Another registration's, or our own whose answer was lost.
                held.update(await read())
                await update()

        async def identity() -> str | None:
            return held[name]["id"] if name in held else None

        async def delete() -> None:
            await prefect.write("DELETE", f"block_documents/{there['id']}")

        if data is None:
            action = Action(what, PRUNE, "nothing uses it any more", delete) if there else Action(what, UNCHANGED)
        elif there is None:
            action = Action(what, CREATE, write=create)
        else:
            action = Action(what, UPDATE, ", ".join(changed), update) if changed else Action(what, UNCHANGED)
        return action, identity

    return {name: one(name, slug, data) for name, (slug, data) in wanted.items()}

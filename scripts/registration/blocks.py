"""Blocks, Prefect's stored settings: created by name, and written again when they differ."""

from typing import Any

from scripts.registration.actions import CREATE, UNCHANGED, UPDATE, Action, removal
from scripts.registration.api import Conflict, Prefect
from scripts.shared.refusal import Refusal


async def read_block(prefect: Prefect, slug: str, name: str) -> Any:
    """The block with its secrets, by the slug of its type and its name; None if there is none."""
    return await prefect.read(f"block_types/slug/{slug}/block_documents/name/{name}?include_secrets=true")


async def block_action(prefect: Prefect, slug: str, name: str, data: dict[str, Any] | None) -> Action:
    """Create a block or write its data again; without data, it is not to be there.

    What differs is told by the field's name alone.
    """
    held, what = await read_block(prefect, slug, name), f"block {slug}/{name}"

    async def update(identity: str) -> None:
        await prefect.write("PATCH", f"block_documents/{identity}", {"data": data, "merge_existing_data": False})

    async def create() -> None:
        kind = await prefect.read(f"block_types/slug/{slug}")
        if kind is None:
            raise Refusal(
                f"Prefect has no block type {slug}; expected one. The server creates it when it starts: restart it."
            )
        # Newest first.
        schemas = await prefect.read("block_schemas/filter", block_schemas={"block_type_id": {"any_": [kind["id"]]}})
        document = {"name": name, "data": data, "block_type_id": kind["id"], "block_schema_id": schemas[0]["id"]}
        try:
            await prefect.write("POST", "block_documents/", document)
        except Conflict:  # Another registration's, or our own whose answer was lost.
            await update((await read_block(prefect, slug, name))["id"])

    if held is None:
        return Action(what, CREATE, write=create) if data is not None else Action(what, UNCHANGED)
    if data is None:
        return removal(prefect, what, "nothing uses it any more", f"block_documents/{held['id']}")
    changed = [field for field, value in data.items() if held["data"].get(field) != value]
    return Action(what, UPDATE, ", ".join(changed), lambda: update(held["id"])) if changed else Action(what, UNCHANGED)

"""Blocks, Prefect's stored settings: created by name, and written again when they differ."""

from typing import Any, Self

from scripts.registration.actions import PRUNE, UNCHANGED, Action, bring
from scripts.registration.api import Prefect
from scripts.shared.refusal import Refusal


class Block:
    """A block that Prefect is to hold with `data`, or not at all where that is None."""

    def __init__(self, prefect: Prefect, slug: str, name: str, data: dict[str, Any] | None) -> None:
        self._prefect, self._slug, self._name, self._data = prefect, slug, name, data
        self._held: dict[str, Any] | None = None

    async def read(self) -> Self:
        """Read what Prefect holds."""
        place = f"block_types/slug/{self._slug}/block_documents/name/{self._name}"
        self._held = await self._prefect.read(f"{place}?include_secrets=true")
        return self

    @property
    def id(self) -> str | None:
        """Its id, once it is there."""
        return self._held["id"] if self._held else None

    def action(self) -> Action:
        """What is to be done. Only the names of fields that differ are told, since a value may be secret."""
        what = f"block {self._slug}/{self._name}"
        if self._data is None:
            action = Action(what, PRUNE, "nothing uses it any more", self._delete)
            return action if self._held else Action(what, UNCHANGED)
        held = self._held["data"] if self._held else {}
        changed = ", ".join(field for field, value in self._data.items() if held.get(field) != value)
        return bring(what, self._held, changed, self._create, self._update)

    async def _create(self) -> None:
        kind = await self._prefect.read(f"block_types/slug/{self._slug}")
        if kind is None:
            raise Refusal(
                f"Prefect has no block type {self._slug}; expected one. "
                "The server creates it when it starts: restart it."
            )
        newest, *_ = await self._prefect.read(
            "block_schemas/filter", block_schemas={"block_type_id": {"any_": [kind["id"]]}}
        )
        document = {"name": self._name, "data": self._data}
        document |= {"block_type_id": kind["id"], "block_schema_id": newest["id"]}
        self._held = await self._prefect.create("block_documents/", document, self._update_what_is_there)

    async def _update_what_is_there(self) -> dict[str, Any] | None:
        await self.read()
        await self._update()
        return self._held

    async def _update(self) -> None:
        content = {"data": self._data, "merge_existing_data": False}
        await self._prefect.write("PATCH", f"block_documents/{self.id}", content)

    async def _delete(self) -> None:
        await self._prefect.write("DELETE", f"block_documents/{self.id}")

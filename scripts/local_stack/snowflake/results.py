"""Results as Snowflake sends them: in its Arrow types, and large ones in batches that are fetched one by one.

A number is a whole number of the narrowest width that holds its batch, with its scale in the column's metadata, so the
connector makes a float of NUMBER(10, 2) unless it is asked for decimals. A result's first batch is part of the answer;
the others stand at URLs of this server.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, cast

import fakesnow.server as server
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.arrow import to_ipc
from fakesnow.rowtype import ColumnInfo
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts.local_stack.patches import Original, replace

BATCH_ROWS = 50_000
BATCH_BYTES = 8 * 1024**2
# All batches that wait to be fetched. Those of the result that is asked for are kept whatever their size.
WAITING_BYTES = 1024**3
# What RESULT_SCAN finds.
RECENT_RESULTS = 64
RECENT_RESULT_BYTES = 4 * 1024**2
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UTC_OFFSET = 1440  # Snowflake's minutes from UTC, plus a day.

# Of the request that is being answered.
session_token: ContextVar[str] = ContextVar("session_token")
later_batches: ContextVar[list[dict[str, Any]]] = ContextVar("later_batches")


class Batch(NamedTuple):
    """One batch of a result: the session that may fetch it, and its Arrow stream."""

    session: str
    body: bytes


class Batches:
    """Batches until their session ends. Beyond `most_bytes` the fetched ones go first, then the oldest."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.kept: OrderedDict[str, Batch] = OrderedDict()

    def add(self, session: str, bodies: list[bytes]) -> list[str]:
        """Keep the batches of one result and return their names."""
        size = sum(map(len, bodies)) + sum(len(batch.body) for batch in self.kept.values())
        while self.kept and size > self.most_bytes:
            size -= len(self.kept.popitem(last=False)[1].body)
        names = [secrets.token_urlsafe(16) for _ in bodies]
        self.kept |= {name: Batch(session, body) for name, body in zip(names, bodies, strict=True)}
        return names

    def fetch(self, name: str) -> bytes | None:
        """The batch of that name, which may be fetched again as long as there is room; None if it is gone."""
        if name not in self.kept:
            return None
        self.kept.move_to_end(name, last=False)
        return self.kept[name].body

    def drop(self, session: str) -> None:
        """Forget the batches of a session that ended."""
        for name in [name for name, batch in self.kept.items() if batch.session == session]:
            del self.kept[name]


class Sessions(dict[str, Any]):
    """fakesnow's sessions by their token; `ended` is told which one ends."""

    def __init__(self, ended: Callable[[str], None]) -> None:
        super().__init__()
        self.ended = ended

    def __delitem__(self, token: str) -> None:
        super().__delitem__(token)
        self.ended(token)


class RecentResults(OrderedDict[str, Any]):
    """fakesnow's results by query id, of which it keeps all: here the last ones, and only small ones."""

    def __setitem__(self, query: str, result: tuple[Any, ...]) -> None:
        if result[0].nbytes <= RECENT_RESULT_BYTES:
            super().__setitem__(query, result)
        while len(self) > RECENT_RESULTS:
            self.popitem(last=False)


def to_snowflake(table: pa.Table, rowtype: list[ColumnInfo]) -> pa.Table:
    """One batch in the types and with the metadata that Snowflake's connector reads."""
    arrays = [_to_snowflake_array(column.combine_chunks()) for column in table.columns]
    fields = [
        pa.field(
            name,
            array.type,
            metadata={
                "logicalType": info["type"].upper(),
                "precision": str(info["precision"] or 38),
                "scale": str(info["scale"] or 0),
                "charLength": str(info["length"] or 0),
            },
        )
        for name, array, info in zip(table.column_names, arrays, rowtype, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _to_snowflake_array(array: pa.Array[Any]) -> pa.Array[Any]:
    kind = array.type
    if pa.types.is_timestamp(kind):
        return _timestamps(array)
    if pa.types.is_time(kind):
        return array.cast(pa.time64("ns")).cast(pa.int64())
    if pa.types.is_decimal(kind):
        unscaled = _unscaled(array.cast(pa.decimal128(38, kind.scale)))
        return array if unscaled is None else _narrowest(unscaled)
    if pa.types.is_integer(kind):
        return _narrowest(array)
    if pa.types.is_floating(kind):
        return array.cast(pa.float64())
    # A NULL without a type is a text in Snowflake.
    return array.cast(pa.string()) if pa.types.is_null(kind) else array


def _timestamps(array: pa.Array[Any]) -> pa.Array[Any]:
    """Seconds since 1970 and nanoseconds, and for a timestamp with zone its offset, which DuckDB does not keep."""
    unit = UNITS[array.type.unit]
    seconds, ticks = np.divmod(array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), unit)
    parts = {"epoch": pa.array(seconds), "fraction": pa.array((ticks * (10**9 // unit)).astype(np.int32))}
    if array.type.tz:
        parts["timezone"] = pa.array(np.full(len(array), UTC_OFFSET, np.int32))
    return pa.StructArray.from_arrays(list(parts.values()), list(parts), mask=array.is_null())


def _unscaled(array: pa.Array[Any]) -> pa.Array[Any] | None:
    """12.50 as 1250: the whole numbers of decimals, or None if they need more than 64 bits."""
    words = np.frombuffer(cast(Any, array.buffers()[1]), np.int64).reshape(-1, 2)[
        array.offset : array.offset + len(array)
    ]
    is_null = array.is_null().to_numpy(zero_copy_only=False)
    low, high = np.where(is_null, 0, words[:, 0]), np.where(is_null, 0, words[:, 1])
    return None if (high != low >> 63).any() else pa.array(low, mask=is_null)


def _narrowest(array: pa.Array[Any]) -> pa.Array[Any]:
    """Whole numbers in the narrowest type that holds them all."""
    bounds = cast(dict[str, Any], pc.min_max(array).as_py())
    low, high = bounds["min"] or 0, bounds["max"] or 0
    for bits, kind in ((8, pa.int8()), (16, pa.int16()), (32, pa.int32()), (64, pa.int64())):
        if -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1):
            return array.cast(kind)
    return array.cast(pa.decimal128(38, 0))


def _batches_of(table: pa.Table) -> list[pa.Table]:
    bytes_in_row = max(1, table.nbytes // max(1, table.num_rows))
    rows = max(1, min(BATCH_ROWS, BATCH_BYTES // bytes_in_row))
    return [table.slice(start, rows) for start in range(0, max(1, table.num_rows), rows)]


def install(app: Any, address: str) -> None:
    """Let fakesnow's server send results so. `address` is the server's own, as clients reach it."""
    batches = Batches(WAITING_BYTES)

    def remember_session(to_conn: Original, token: str) -> Any:
        session_token.set(token)
        return to_conn(token)

    def first_batch(_: Original, table: pa.Table, rowtype: list[ColumnInfo]) -> pa.Table:
        first, *others = _batches_of(table)
        bodies = [to_ipc(to_snowflake(other, rowtype)).to_pybytes() for other in others]
        names = batches.add(session_token.get(), bodies)
        later_batches.set(
            [
                {
                    "url": f"{address}/results/{name}",
                    "rowCount": other.num_rows,
                    "uncompressedSize": len(body),
                    "compressedSize": len(body),
                }
                for name, other, body in zip(names, others, bodies, strict=True)
            ]
        )
        return to_snowflake(first, rowtype)

    def whole_answer(make: Original, content: dict[str, Any], **options: Any) -> JSONResponse:
        if chunks := later_batches.get([]):
            content["data"]["chunks"] = chunks
        if (content.get("data") or {}).get("token"):  # A cancelled statement is answered without any.
            # A login. The connector ends its session only if it has this token too.
            content["data"]["masterToken"] = content["data"]["token"]
        response: JSONResponse = make(content, **options)
        return response

    async def fetch(request: Request) -> Response:
        body = batches.fetch(request.path_params["name"])
        return Response(body) if body is not None else Response("This result is gone; run its query again.", 410)

    replace(server, "to_conn", remember_session)
    replace(server, "to_sf", first_batch)
    replace(server, "JSONResponse", whole_answer)
    server.sessions = Sessions(batches.drop)
    server.shared_fs.results_cache = RecentResults()
    app.router.routes.append(Route("/results/{name}", fetch, methods=["GET"]))

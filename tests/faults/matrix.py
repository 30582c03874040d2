"""Runs cells over real sockets: each with a model, a provider and deployments of its own, many at a time."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
import pytest
from msgspec import Struct

from providers.sandbox.testing import Sandbox
from tests.faults.expecting import FALLBACK_TEXT, SECRET, Seen
from tests.faults.rows import Row
from tests.gateway.gateway import Gateway

AT_ONCE = 16
USUAL_LIMITS = {"connect": 3, "first_byte": 10, "first_token": 10, "stall": 10, "total": 20}
CAPABILITIES = ["tools", "vision", "json_schema", "json_mode"]
PRICE = {"input": 1, "output": 2}
WAYS = [(stream, spare) for stream in (False, True) for spare in (False, True)]


def way_id(stream: bool, spare: bool) -> str:
    return f"{'stream' if stream else 'whole'}-{'fallback' if spare else 'alone'}"


def cells(number: int, name: str) -> pytest.MarkDecorator:
    """The four cells of a row that is no single call."""
    ids = [f"row{number:02}-{name}-{way_id(*way)}" for way in WAYS]
    return pytest.mark.parametrize(("stream", "spare"), WAYS, ids=ids)


def provider(name: str, base_url: str, *models: str, **facts: Any) -> dict[str, Any]:
    """One that serves these models; `facts` of the deployments where they are not the usual."""
    usual = {"timeouts": USUAL_LIMITS, "retries": 0, "price": PRICE}
    return _provider(name, base_url, [{"model": model} | usual | facts for model in models])


class Cell(Struct, frozen=True):
    row: Row
    stream: bool
    fallback: bool

    @property
    def id(self) -> str:
        return f"row{self.row.number:02}-{self.row.name}-{way_id(self.stream, self.fallback)}"

    @property
    def model(self) -> str:
        return self.id


def cells_of(rows: Iterable[Row]) -> list[Cell]:
    return [Cell(row, stream, fallback) for row in rows for stream in (False, True) for fallback in (False, True)]


def configuration(cells: Iterable[Cell], places: Mapping[str, str], fallback: Sandbox) -> dict[str, Any]:
    """A provider per cell, so that what health remembers of one says nothing about another."""
    cells = list(cells)
    spare = [_deployment(cell.model, USUAL_LIMITS) for cell in cells if cell.fallback]
    providers = [_provider(cell.id, _place(cell, places), [_primary(cell)]) for cell in cells]
    order = [f"{cell.id}/{cell.model}" for cell in cells]
    return {
        "providers": [*providers, _provider("fallback", fallback.base_url, spare)],
        "policies": [{"name": "primary-first", "kind": "ordered", "order": order}],
        "tenants": [{"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first"}],
    }


def run(cells: Iterable[Cell], gateway: Gateway, primary: Sandbox, fallback: Sandbox) -> dict[str, Seen]:
    """What came of each cell, by its id."""
    cells = list(cells)
    for cell in cells:
        primary.script(cell.row.step, model=cell.model, lasting=cell.row.lasting)
        if not cell.row.lasting:
            primary.script(f"{cell.row.step.text}", model=cell.model)
        fallback.script(FALLBACK_TEXT, model=cell.model, lasting=True)
    found = asyncio.run(_run(cells, gateway))
    for sandbox, name in ((primary, "calls"), (fallback, "fallback_calls")):
        for call in sandbox.calls(ended=True, chats=True):
            if call.body and call.body["model"] in found:
                getattr(found[call.body["model"]], name).append(call)
    for seen in found.values():
        seen.story = gateway.story(seen.headers["x-request-id"])
    return found


async def _run(cells: list[Cell], gateway: Gateway) -> dict[str, Seen]:
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(headers=gateway.headers, timeout=60) as client:
        seen = await asyncio.gather(*(_ask(client, gateway.url, cell, gate) for cell in cells))
    return {cell.id: one for cell, one in zip(cells, seen, strict=True)}


async def _ask(client: httpx.AsyncClient, url: str, cell: Cell, gate: asyncio.Semaphore) -> Seen:
    messages = [{"role": "user", "content": "Hello"}]
    body = {"model": cell.model, "stream": cell.stream, "messages": messages}
    async with gate:
        began = time.monotonic()
        answer = await client.post(f"{url}/v1/chat/completions", json=body)
        return Seen(answer.status_code, dict(answer.headers), answer.text, time.monotonic() - began, {})


def _place(cell: Cell, places: Mapping[str, str]) -> str:
    return places[cell.row.place].format(cell=cell.id.replace("_", "-"))


def _primary(cell: Cell) -> dict[str, Any]:
    own = {"context": cell.row.context, "retries": cell.row.retries}
    return _deployment(cell.model, USUAL_LIMITS | cell.row.limits) | own


def _deployment(model: str, limits: Mapping[str, float]) -> dict[str, Any]:
    facts = {"model": model, "context": 128_000, "price": PRICE, "quality": 0.7, "retries": 0}
    return facts | {"timeouts": dict(limits), "capabilities": CAPABILITIES}


def _provider(name: str, base_url: str, deployments: list[dict[str, Any]]) -> dict[str, Any]:
    reach = {"wire": "openai", "base_url": base_url, "credential": SECRET, "allow_private": True}
    return {"name": name, **reach, "deployments": deployments}

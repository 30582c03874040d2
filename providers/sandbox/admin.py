"""How a person or a test steers the sandbox: the calls under /_sandbox."""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from providers.sandbox.calls import CallLog
from providers.sandbox.drafts import Draft
from providers.sandbox.faults import FAULTS
from providers.sandbox.prompt_cache import PromptCache
from providers.sandbox.replies import Trouble, invalid
from providers.sandbox.script import CHAT, EMBEDDINGS, PAGES, Rates, Script
from providers.sandbox.steps import Step

LONGEST_WAIT_S: Final = 10.0
TICK_S: Final = 0.01


class ScriptBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`answers`: what the next calls get, a text or a step each; `to`: chats, embeddings, or pages like a listing;
    `model`: only calls of that one; `lasting`: the last answer is given again and again."""

    answers: list[str | Step]
    to: str = CHAT
    model: str = ""
    lasting: bool = False


class Admin:
    def __init__(self, script: Script, calls: CallLog, cache: PromptCache) -> None:
        self._script, self._calls, self._cache = script, calls, cache

    async def draft(self, draft: Draft, method: str, path: str, query: bytes, raw: bytes) -> Draft:
        """Do what the call says and fill `draft` with the answer."""
        try:
            payload = await self._act(f"{method} {path.removeprefix('/_sandbox')}", query, raw)
            draft.say(msgspec.json.encode(payload), "application/json")
        except msgspec.MsgspecError as exc:
            draft.refuse(invalid(str(exc)))
        except Trouble as trouble:
            draft.refuse(trouble)
        return draft

    async def _act(self, what: str, query: bytes, raw: bytes) -> Any:
        match what:
            case "POST /script":
                return self._add(msgspec.json.decode(raw, type=ScriptBody))
            case "POST /faults":
                self._script.set_rates(msgspec.json.decode(raw, type=Rates))
                return {"ok": True}
            case "GET /faults":
                return {name: fault.does for name, fault in FAULTS.items()}
            case "POST /reset":
                self._script.reset()
                self._calls.clear()
                self._cache.clear()
                return {"ok": True}
            case "GET /calls":
                asked = dict(parse_qsl(query.decode()))
                await self._until_ended("ended" in asked)
                return {"calls": self._calls.rows(asked.get("model"))}
        raise Trouble("not_found", f"the sandbox has no {what}", status=404)

    def _add(self, body: ScriptBody) -> dict[str, int]:
        if body.to not in (CHAT, EMBEDDINGS, PAGES):
            raise invalid(f"`to` is {CHAT!r}, {EMBEDDINGS!r} or {PAGES!r}, not {body.to!r}")
        steps = [Step(text=step) if isinstance(step, str) else step for step in body.answers]
        self._script.add(steps, body.to, body.model, body.lasting)
        return {"added": len(body.answers)}

    async def _until_ended(self, wanted: bool) -> None:
        """Wait until no call is running, ten seconds at most."""
        left = int(LONGEST_WAIT_S / TICK_S) if wanted else 0
        while left > 0 and self._calls.running:
            await asyncio.sleep(TICK_S)
            left -= 1

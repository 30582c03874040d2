"""How does a drill ask? As a client of the installation: over HTTP, with a client key, reading as the bytes come."""

import asyncio
from contextlib import suppress
from time import monotonic, time
from typing import Any, Final

import httpx

from routing.drill.casting import PROMPT, Take
from routing.drill.hearing import Heard

LONGEST_S: Final = 120.0
TRIES: Final = 50
PAUSE_S: Final = 0.1


class Client:
    """Asks one installation with one key."""

    def __init__(self, url: str, key: str) -> None:
        limits = httpx.Limits(max_connections=None)
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(LONGEST_S, pool=None),
            limits=limits,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, model: str, policy: str, take: Take) -> Heard:
        """One chat, however it ends."""
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
        body["neuroroute"] = {"policy": policy}
        if take.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        heard = Heard(asked_at=time(), stream=take.stream, headers={}, events=[])
        began = monotonic()
        try:
            async with asyncio.timeout(LONGEST_S), self._http.stream("POST", "/v1/chat/completions", json=body) as got:
                heard.status, heard.headers = got.status_code, dict(got.headers)
                await _read(got, heard, began)
        except (httpx.TransportError, TimeoutError) as exc:
            heard.broken = type(exc).__name__
        heard.total_s = monotonic() - began
        return heard

    async def story(self, request_id: str) -> dict[str, Any] | None:
        """What the installation recorded of a request; None when it knows nothing of it after a while."""
        for _ in range(TRIES):
            with suppress(httpx.TransportError):
                answer = await self._http.get(f"/v1/requests/{request_id}")
                if answer.status_code == 200:
                    return dict(answer.json())
            await asyncio.sleep(PAUSE_S)
        return None


async def _read(got: httpx.Response, heard: Heard, began: float) -> None:
    """Read to the end, noting when what came."""
    if not got.headers.get("content-type", "").startswith("text/event-stream"):
        heard.body = await got.aread()
        if got.status_code == 200:
            heard.first_content_s = monotonic() - began
        return
    last = began
    async for line in got.aiter_lines():
        now = monotonic()
        heard.longest_silence_s, last = max(heard.longest_silence_s, now - last), now
        if line.startswith(":"):
            heard.comments += 1
        elif line.startswith("data:"):
            heard.events.append(line.removeprefix("data:").strip())
            if heard.first_content_s is None and heard.text:
                heard.first_content_s = now - began

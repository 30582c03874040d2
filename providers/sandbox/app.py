"""The sandbox as an ASGI app: it receives a call, finds its step, and delivers what the wire makes of it."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from providers.found import FoundModel
from providers.sandbox.admin import Admin
from providers.sandbox.calls import Call, CallLog
from providers.sandbox.delivery import Receive, Send, deliver
from providers.sandbox.drafts import Draft, Speed
from providers.sandbox.embedding import Embeds, embed
from providers.sandbox.exchanges import exchange
from providers.sandbox.faults import apply
from providers.sandbox.flavours import played
from providers.sandbox.prompt_cache import PromptCache
from providers.sandbox.replies import Trouble, invalid
from providers.sandbox.roster import ANY_MODEL, MODELS
from providers.sandbox.script import CHAT, EMBEDDINGS, PAGES, Script
from providers.sandbox.steps import Step
from providers.sandbox.wires.base import Event, Form

Scope = Mapping[str, Any]
T = TypeVar("T")
TRANSPORT: Final = "neuroroute.sandbox.transport"
SWING: Final = (0.8, 1.6, 0.95)  # of a call's time around the model's usual: least, most, most often


class SandboxApp:
    """One provider. `pace` scales every model's times, 0 answers at once; `any_model` accepts every model's name."""

    def __init__(
        self, wire_name: str, *, flavour: str | None = None, pace: float = 1.0, any_model: bool = False
    ) -> None:
        self.wire = played(wire_name, flavour)
        self.models = {model.upstream_model: model for model in MODELS[wire_name]}
        self.pace = pace
        self._chance = random.Random(wire_name)
        self.any_model = any_model
        self.calls = CallLog()
        self.wire.watch(self.calls)
        self.script = Script()
        self.cache = PromptCache()
        self.admin = Admin(self.script, self.calls, self.cache)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await _read(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, line = scope["path"], scope["extensions"][TRANSPORT]["line"]
        if path.startswith("/_sandbox"):
            draft = await self.admin.draft(Draft(self.wire, False), scope["method"], path, scope["query_string"], raw)
            return await deliver(draft, Call(0, scope["method"], path, "", headers, raw), line, receive, send)
        call = self.calls.open(scope["method"], path, scope["query_string"].decode("latin-1"), headers, raw)
        try:
            await deliver(self._draft(call), call, line, receive, send)
        finally:
            self.calls.close(call)

    def _draft(self, call: Call) -> Draft:
        """The answer to a call; a trouble becomes the error of the form that was asked in."""
        path, query = self.wire.below(call.path), dict(parse_qsl(call.query))
        form = self.wire.form(path, query) if call.method == "POST" else None
        try:
            body = query | _object(call.raw) if call.method == "GET" else _object(call.raw)
            if "invalid" in self.wire.presented_key(call.headers):
                raise Trouble("auth", "Incorrect API key provided.", status=401)
            draft = self._page(call, path, body) if form is None else self._chat(form, call, body)
        except Trouble as trouble:
            draft = Draft(form or self.wire, False)
            draft.refuse(trouble)
        draft.headers = {**draft.wire.headers(draft.status), **draft.headers}
        return draft

    def _chat(self, form: Form, call: Call, body: dict[str, Any]) -> Draft:
        prompt = _read_by(lambda: form.prompt(body, call.headers))
        model = self._model(prompt.model)
        step = self.script.next(CHAT, call.headers, prompt.model)
        call.fault = step.fault
        draft = Draft(form, prompt.stream)
        draft.answer(exchange(form, prompt, model, step, self.cache), self._speed(model))
        draft.head_wait_s += prompt.load_s * self.pace
        return _changed(draft, step)

    def _page(self, call: Call, path: str, body: dict[str, Any]) -> Draft:
        """The answer to what is no chat: vectors or a page."""
        asked = _read_by(lambda: self.wire.embeds(path, body)) if call.method == "POST" else None
        if asked is not None:
            return self._embed(call, asked)
        page = _read_by(lambda: self.wire.page(call.method, path, body, list(self.models.values())))
        if page is None:
            raise Trouble("not_found", f"Unknown request URL: {call.method} {call.path}.", status=404)
        step = self.script.next(PAGES, call.headers)
        call.fault = step.fault
        draft = Draft(self.wire, False)
        draft.status, draft.events = page.status, [Event("whole", page.payload)]
        return _changed(draft, step)

    def _embed(self, call: Call, asked: Embeds) -> Draft:
        model = self._model(asked.model)
        step = self.script.next(EMBEDDINGS, call.headers, asked.model)
        call.fault = step.fault
        draft = Draft(self.wire, False)
        draft.hold(self.wire.embedded(asked, embed(asked, model, self.wire.unable)), self.wire.embeddings_key)
        draft.head_wait_s = self._speed(model).ttft_s
        return _changed(draft, step)

    def _model(self, name: str) -> FoundModel:
        plain = name.partition("!")[0]
        model = self.models.get(plain.removesuffix(":latest")) or (ANY_MODEL if self.any_model else None)
        if model is None:
            raise Trouble("not_found", f"The model '{plain}' does not exist.", status=404, param="model")
        return model

    def _speed(self, model: FoundModel) -> Speed:
        """The model's speed for one call: no two calls take the same time."""
        pace = self.pace * self._chance.triangular(*SWING)
        return Speed((model.ttft_ms or 0.0) / 1000 * pace, pace / (model.tokens_per_s or 1000.0))


def _read_by(read: Callable[[], T]) -> T:
    """What a wire reads in a request; JSON of another shape than it expects is the caller's mistake."""
    try:
        return read()
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise invalid(f"Invalid type in the request body: {exc!r}") from exc


def _changed(draft: Draft, step: Step) -> Draft:
    """The draft after the step's own bytes and fault."""
    if step.own_bytes is not None:
        draft.say(step.own_bytes, "application/json")
        draft.status = step.status
    apply(draft, step)
    draft.headers |= {name.lower(): value for name, value in step.headers.items()}
    return draft


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError as exc:
        raise invalid(f"We could not parse the JSON body of your request. ({exc})") from exc
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    return body

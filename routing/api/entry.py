"""How a request comes in: parse, authenticate, admit. Plain functions that both faces call."""

from collections.abc import Callable, Sequence
from time import time, time_ns
from typing import Final, TypeVar

import msgspec
import uuid_utils

from providers.catalog import Catalog
from providers.chat import ChatRequest
from providers.requests import Request
from providers.reserved import is_auto
from routing.api.bodies import decode_body
from routing.asked import NO_WISHES, Asked, Wishes
from routing.candidates import may_call, pool
from routing.errors import BodyTooLarge, InvalidBody
from routing.features import extract
from routing.runtime import Runtime
from routing.surfaces.base import Read, Surface
from routing.wishes.providerwish import LISTS, MaxPrice, ProviderWish, passed_on
from tenants.admission import Admission
from tenants.callers import Caller
from tenants.errors import OutsideScope
from tenants.keyring import Keyring, authenticate, token_of

Headers = Sequence[tuple[bytes, bytes]]
T = TypeVar("T")
R = TypeVar("R", bound=Request)

ROUTER_FIELDS: Final = frozenset({"models", "provider", "preferences", "neuroroute"})
WISH_MARKS: Final = (b'"models"', b'"provider"', b'"preferences"', b'"neuroroute"')
UNGRANTED: Final = ("cache",)
IDEMPOTENCY_KEY: Final = b"idempotency-key"
LONGEST_KEY: Final = 255
NANO: Final = 10**9
LONGEST_LABEL: Final = 256  # characters of a model's name, a session's or a tag
MOST_LABELS: Final = 32
MOST: Final = 2**31 - 1  # of tokens or choices: beyond it costs would not fit into a record
_wishes = msgspec.json.Decoder(Wishes)


def new_id() -> str:
    """A request id: UUIDv7 as 32 hex digits. Its instant is the clock's, also after this was set back: left to itself
    the library would go on from the latest instant that it has seen."""
    seconds, nanos = divmod(time_ns(), NANO)
    return uuid_utils.uuid7(seconds, nanos).hex


def caller_of(headers: Headers, ring: Keyring, route: str = "") -> Caller:
    """Who calls, and may at this route; raises `Unauthenticated`, `OutsideScope`. Without a route every key may."""
    caller = authenticate(token_of(headers), ring, time())
    routes = caller.scope.routes
    if routes and route and route not in routes:
        raise OutsideScope(f"route: {route} is outside this key's scope, which has {', '.join(routes)}")
    return caller


def idempotency_key(headers: Headers) -> bytes | None:
    """The key that a request brings; raises `InvalidBody` where it cannot be one."""
    for name, value in headers:
        if name == IDEMPOTENCY_KEY:
            key = value.strip()
            if not 1 <= len(key) <= LONGEST_KEY:
                raise InvalidBody(
                    f"idempotency-key: has {len(key)} bytes, 1 to {LONGEST_KEY} may be", param="idempotency-key"
                )
            return key
    return None


async def enter(
    surface: Surface, headers: Headers, raw: bytes, request_id: str, now: Runtime, route: str = ""
) -> tuple[Asked[ChatRequest], Caller, Admission]:
    """Authenticate, read, and only then count against the caller's limits: a body that cannot be read costs nothing.

    The route is the surface's, unless `route` names another. The admission is a context that the whole work belongs
    into: its end settles what the request took.

    Raises `TenantError`, `InvalidBody`, `BodyTooLarge`.
    """
    caller = caller_of(headers, now.keyring.current, route or surface.name)
    asked, marks = parse(surface, raw, request_id, now.max_body_bytes)
    if marks:
        await _bind(asked, caller, marks, now)
    if asked.wishes.provider is not None or asked.wishes.models:
        asked.request.passed_on, dropped = passed_on(raw, now.catalog.current.seen(caller.realm), caller)
        asked.warnings += dropped
    if asked.request.stream and idempotency_key(headers) is not None:
        asked.warnings += ("idempotency-key: ignored, streams are not kept",)
    if surface.passed_headers:
        asked.request.headers = _passed(headers, surface.passed_headers)
    reckon_as_named(asked, caller, now)
    return asked, caller, await now.limiter.admit(caller, time(), asked)


def reckon_as_named(asked: Asked[R], caller: Caller, now: Runtime) -> None:
    """Let limits reckon with the tokens of the model that is named; who answers is not decided yet."""
    name, catalog = asked.request.model, now.catalog.current.seen(caller.realm)
    asked.calibration = now.engine.evidence.calibrations.of_name(name, catalog, is_auto(name))


async def _bind(asked: Asked[ChatRequest], caller: Caller, marks: Sequence[str], now: Runtime) -> None:
    bound = await now.engine.serving.find(caller.tenant_id, marks)
    if bound is not None:
        asked.request.bound_to, asked.bound_name = bound.deployment_id, bound.deployment
    if asked.request.continues:
        catalog = now.catalog.current.seen(caller.realm)
        _check_keeper(asked.request, asked.request.continues, catalog, caller)


def _check_keeper(request: ChatRequest, field: str, catalog: Catalog, caller: Caller) -> None:
    """Who goes on from what one deployment keeps must mean and may call that deployment, and it must still be there.

    A binding is a wish elsewhere; here nobody else could answer at all.
    """
    for target in pool(catalog, request.model, caller):
        here = target.id == request.bound_to and request.surface in target.capabilities
        if here and may_call(caller, target, catalog):
            return
    raise InvalidBody(f"{field}: nobody here has what it refers to; send the conversation itself", param=field)


def parse(surface: Surface, raw: bytes, request_id: str, limit: int) -> tuple[Asked[ChatRequest], tuple[str, ...]]:
    """Read a chat and find out what it asks for; also the marks that may bind it to a deployment.

    Raises `InvalidBody`, `BodyTooLarge`.
    """
    read, wishes = decoded(surface.read, raw, limit)
    _check(read)
    warnings = ignored(wishes) if wishes is not NO_WISHES else ()
    features = extract(read.body)
    if read.needs:
        features["needs"] = sorted({*features["needs"], *read.needs})
    return Asked(_request(surface, read, raw, request_id), features, wishes, warnings), read.marks


def decoded(decode: Callable[[bytes], T], raw: bytes, limit: int) -> tuple[T, Wishes]:
    """What a body says, and the wishes in it, checked; raises `InvalidBody`, `BodyTooLarge`."""
    if len(raw) > limit:
        raise BodyTooLarge(f"the body has {len(raw)} bytes; the limit is {limit} (MAX_BODY_BYTES)")
    body = decode_body(decode, raw)
    if not [mark for mark in WISH_MARKS if mark in raw]:
        return body, NO_WISHES
    wishes = decode_body(_wishes.decode, raw)
    _check_wishes(wishes)
    return body, wishes


def _request(surface: Surface, read: Read, raw: bytes, request_id: str) -> ChatRequest:
    return ChatRequest(
        id=request_id,
        raw=read.raw,
        stream=bool(read.body.stream),
        router_fields=ROUTER_FIELDS,
        body=read.body,
        surface=surface.name,
        native=raw if read.raw is not raw else b"",
        lost=read.warnings,
        continues=read.continues,
        elsewhere=read.elsewhere,
    )


def _passed(headers: Headers, names: frozenset[bytes]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name in names)


def _check(read: Read) -> None:
    body = read.body
    check_model(body.model)
    if not body.messages and not read.needs:
        lost = f": {', '.join(read.warnings)}" if read.warnings else ""
        raise InvalidBody(f"messages: at least one message is needed{lost}", param="messages")
    for name in ("max_tokens", "max_completion_tokens", "n"):
        value = getattr(body, name)
        if value is not None and not 1 <= value <= MOST:
            bound = "below the smallest value, 1" if value < 1 else f"above the greatest value, {MOST}"
            raise InvalidBody(f"{name}: {value} is {bound}", param=name)


def check_model(name: str) -> None:
    """Whether a model's name can be one."""
    if not name:
        raise InvalidBody('model: must not be empty, e.g. "auto"', param="model")
    _check_label("model", name)


def _check_wishes(wishes: Wishes) -> None:
    options = wishes.options
    _check_label("neuroroute.session_id", options.session_id or "")
    if len(wishes.models) > MOST_LABELS or len(options.tags) > MOST_LABELS:
        name = "models" if len(wishes.models) > MOST_LABELS else "neuroroute.tags"
        raise InvalidBody(f"{name}: more than {MOST_LABELS}", param=name)
    for name, labels in (("models", wishes.models), ("neuroroute.tags", options.tags)):
        for label in labels:
            _check_label(name, label)
    if wishes.provider is not None:
        _check_provider(wishes.provider)


def _check_provider(wish: ProviderWish) -> None:
    for name in (*LISTS, "quantizations"):
        labels = getattr(wish, name) or ()
        if len(labels) > MOST_LABELS:
            raise InvalidBody(f"provider.{name}: more than {MOST_LABELS}", param=f"provider.{name}")
        for label in labels:
            _check_label(f"provider.{name}", label)
    for name in MaxPrice.__struct_fields__ if wish.max_price else ():
        usd = getattr(wish.max_price, name)
        if usd is not None and not (usd.is_finite() and usd >= 0):
            field = f"provider.max_price.{name}"
            raise InvalidBody(f"{field}: {usd} is no price in USD, 0 or more", param=field)


def _check_label(name: str, label: str) -> None:
    """Labels go into records and comparisons: no novels, and no NUL, which PostgreSQL cannot hold."""
    if len(label) > LONGEST_LABEL or "\0" in label:
        raise InvalidBody(f"{name}: longer than {LONGEST_LABEL} characters, or with a NUL in it", param=name)


def ignored(wishes: Wishes) -> tuple[str, ...]:
    """Wishes that we know of and do not grant yet: silence would look like consent."""
    found = [f"neuroroute.{name}" for name in UNGRANTED if getattr(wishes.options, name) is not None]
    return tuple([f"{name}: not supported, ignored" for name in found])

"""How each fault changes the draft of a healthy answer."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from providers.sandbox.drafts import Draft, End, Piece
from providers.sandbox.replies import Trouble, TroubleKind
from providers.sandbox.steps import Step

HANG_S: Final = 3600.0  # longer than any caller waits
NO_PREFILL: Final = (
    "This model does not support assistant message prefill. The conversation must end with a user message."
)
MESSAGES: Final = {
    "invalid": "Sandbox: this request is refused, as it was asked to be.",
    "auth": "Incorrect API key provided.",
    "forbidden": "Country, region, or territory not supported.",
    "not_found": "The model does not exist or you do not have access to it.",
    "rate_limit": "Rate limit reached for requests. Please try again later.",
    "quota": "You exceeded your current quota, please check your plan and billing details.",
    "server": "The server had an error while processing your request.",
    "unavailable": "The service is temporarily unavailable.",
    "overloaded": "Overloaded",
    "timeout": "The request timed out.",
    "context": "This model's maximum context length is exceeded. Please reduce the length of the messages.",
    "content": "The prompt was filtered by the content management policy.",
}


def trouble(kind: TroubleKind, status: int, retry_after: str | None = None) -> Trouble:
    param = "messages" if kind == "context" else None
    return Trouble(kind, MESSAGES[kind], status=status, param=param, retry_after=retry_after)


def status(kind: TroubleKind, number: int) -> Callable[[Draft, Step], None]:
    """The refusal of that kind; it says when to come back where the step does."""

    def edit(draft: Draft, step: Step) -> None:
        value = step.retry_after
        draft.refuse(trouble(kind, number, f"{value:g}" if isinstance(value, float) else value))

    return edit


def flaps(draft: Draft, step: Step) -> None:
    """Fail and work in turns, for as long each."""
    turn_s = 5.0 if step.seconds is None else step.seconds
    if int(time.monotonic() / turn_s) % 2 == 0:
        draft.refuse(trouble("unavailable", 503))


def blocked(draft: Draft, step: Step) -> None:
    draft.block(Trouble("content", MESSAGES["content"], status=400, code=step.finish_as))


def filtered(draft: Draft, step: Step) -> None:
    exchange = draft.exchange
    if exchange is None:
        return
    replies = tuple(
        msgspec.structs.replace(reply, pieces=reply.pieces[: len(reply.pieces) // 2], finish="content_filter")
        for reply in exchange.replies
    )
    draft.answer_instead(exchange, replies)


def no_prefill(draft: Draft, step: Step) -> None:
    """Only what was begun is refused: asked anew, the same model answers."""
    if draft.exchange is not None and draft.exchange.prompt.prefill:
        draft.refuse(Trouble("invalid", NO_PREFILL, status=400, param="messages"))


def html(draft: Draft, step: Step) -> None:
    draft.say(b"<!DOCTYPE html><html><body><h1>Welcome to nginx!</h1></body></html>", "text/html")


def empty(draft: Draft, step: Step) -> None:
    draft.say(b"", "application/json")


def redirect(draft: Draft, step: Step) -> None:
    draft.say(b"", "text/plain")
    draft.status, draft.headers["location"] = 302, "http://127.0.0.1:1/elsewhere"


def malformed(draft: Draft, step: Step) -> None:
    at = draft.after(step.after or 0) if draft.stream else 0
    whole = msgspec.json.encode(draft.events[at].payload)
    draft.events[at].payload = whole[: len(whole) // 2]


def hollow(draft: Draft, step: Step) -> None:
    at = draft.after(step.after or 0) if draft.stream else 0
    payload = draft.events[at].payload
    if isinstance(payload, dict):
        payload.pop(draft.answer_key, None)


def hang(draft: Draft, step: Step) -> None:
    draft.head_wait_s = HANG_S


def slow_headers(draft: Draft, step: Step) -> None:
    draft.head_wait_s = 2.0 if step.seconds is None else step.seconds


def reset(draft: Draft, step: Step) -> None:
    _end_with(draft, 0, End.RESET)
    draft.has_head = False


def hang_first_token(draft: Draft, step: Step) -> None:
    draft.pieces[0].wait_s = _slow(step)


def cut_before(draft: Draft, step: Step) -> None:
    _end_with(draft, 0, End.CUT)


def cut_mid(draft: Draft, step: Step) -> None:
    _end_with(draft, _middle(draft, step), End.CUT)


def stall_mid(draft: Draft, step: Step) -> None:
    at = _middle(draft, step)
    draft.pieces[at].wait_s = _slow(step)


def slow_drip(draft: Draft, step: Step) -> None:
    _per_byte(draft, 0.2 if step.seconds is None else step.seconds)


def split_utf8(draft: Draft, step: Step) -> None:
    _per_byte(draft, 0.0)


def slow_tokens(draft: Draft, step: Step) -> None:
    for event in draft.events:
        if event.kind == "content":
            event.wait_s = 1.0 if step.seconds is None else step.seconds


def eof_no_finish(draft: Draft, step: Step) -> None:
    draft.events = [event for event in draft.events if event.kind not in ("finish", "usage", "end")]


def no_done(draft: Draft, step: Step) -> None:
    draft.events = [event for event in draft.events if event.kind != "end"]


def done_twice(draft: Draft, step: Step) -> None:
    draft.events += [draft.events[draft.after(0)], draft.events[-1]]


def error_before(draft: Draft, step: Step) -> None:
    draft.break_off(draft.after(0), draft.wire.error_event(trouble("overloaded", 529)))


def error_after(draft: Draft, step: Step) -> None:
    draft.break_off(draft.after(_contents(draft, step)), draft.wire.error_event(trouble("overloaded", 529)))


def failed(draft: Draft, step: Step) -> None:
    if draft.exchange is None:
        return
    why = trouble("unavailable", 503)
    if draft.stream:
        draft.break_off(draft.after(_contents(draft, step)), draft.wire.failed_event(draft.exchange, why))
    else:
        draft.events[0].payload = draft.wire.failed(draft.exchange, why)


def big_line(draft: Draft, step: Step) -> None:
    at = draft.after(step.after or 0) if draft.stream else 0
    payload = draft.events[at].payload
    if isinstance(payload, dict):
        payload["padding"] = "x" * (step.size or 10_000_000)


def json_for_stream(draft: Draft, step: Step) -> None:
    if draft.exchange is not None:
        draft.say(msgspec.json.encode(draft.wire.whole(draft.exchange)), "application/json")


def stream_for_json(draft: Draft, step: Step) -> None:
    if draft.exchange is not None and not draft.stream:
        draft.stream, draft.events = True, draft.wire.events(draft.exchange)
        draft.headers["content-type"] = draft.wire.stream_type


def _slow(step: Step) -> float:
    return HANG_S if step.seconds is None else step.seconds


def _contents(draft: Draft, step: Step) -> int:
    """After how many content events a fault happens: half of them unless the step says."""
    if step.after is not None:
        return step.after
    return max(sum(event.kind == "content" for event in draft.events) // 2, 1)


def _middle(draft: Draft, step: Step) -> int:
    """The piece before which a fault happens; a JSON body is broken into halves."""
    if draft.stream:
        at = draft.after(_contents(draft, step))
        return min(at, len(draft.pieces) - 1)
    whole = draft.pieces[0]
    half = len(whole.data) // 2
    draft.pieces[:] = [Piece(whole.data[:half], whole.wait_s), Piece(whole.data[half:])]
    return 1


def _end_with(draft: Draft, at: int, how: End) -> None:
    draft.pieces[at:] = []
    draft.end = how


def _per_byte(draft: Draft, seconds: float) -> None:
    draft.pieces[:] = [
        Piece(piece.data[at : at + 1], seconds if at else max(seconds, piece.wait_s))
        for piece in draft.pieces
        for at in range(len(piece.data))
    ]

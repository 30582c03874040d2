"""How is a recorded request asked again from a shell? What was recorded of it, as curl; the key is left out."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from dashboard.decisions import decision_of, features_of
from providers.counting import CountRequest
from usage.outcomes import Kept, Outcome

MESSAGES: Final = [{"role": "user", "content": "..."}]
MOST_ANSWER: Final = 1024  # tokens: Anthropic's form asks for a number, and what was asked for is not recorded
PATHS: Final[Mapping[str, str]] = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "prompt": "/prompt",
    "embeddings": "/v1/embeddings",
}
COUNTS: Final = "/v1/messages/count_tokens"


class Curl(Struct, frozen=True):
    """`body` is JSON within single quotes of a shell. `missing` names what was used and is not recorded."""

    path: str
    body: str
    missing: tuple[str, ...]
    whole: bool = False  # it is what was sent, byte for byte


def curl_of(record: Outcome, kept: Kept | None = None) -> Curl | None:
    """The request as a command, with the body that was kept, else what was recorded; None for a form we do not know."""
    path = _path(record)
    if path is None:
        return None
    if kept is not None and not kept.cut:
        chat = record.surface == "prompt"  # it is kept as the chat that was made of it
        return Curl(PATHS["chat"] if chat else path, quoted(kept.prompt.decode(errors="replace")), (), whole=True)
    body = {"model": record.asked_model, **_content(record), **_options(record)}
    text = msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
    return Curl(path, quoted(text), _missing(record))


def _path(record: Outcome) -> str | None:
    """The address of its form; tokens are counted in the form of messages at an address of their own."""
    decision = decision_of(record)
    counts = decision is not None and decision.asked_class.get("operation") == CountRequest.operation
    return COUNTS if counts else PATHS.get(record.surface)


def quoted(text: str) -> str:
    """`text` as one word of a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _content(record: Outcome) -> dict[str, Any]:
    """The placeholder of what was said, in the field that its form has for it."""
    if record.surface in ("responses", "embeddings"):
        return {"input": "..."}
    if record.surface == "prompt":
        return {"prompt": "..."}
    longest = {"max_tokens": MOST_ANSWER} if record.surface == "messages" else {}
    return {"messages": MESSAGES, **longest}


def _options(record: Outcome) -> dict[str, Any]:
    """What the caller wished for, as far as it is recorded."""
    decision = decision_of(record)
    wishes = dict(decision.wishes) if decision else {}
    ours: dict[str, Any] = {name: wishes.pop(name) for name in ("policy", "quality", "max_cost_usd") if name in wishes}
    ours |= {"session_id": record.session} if record.session else {}
    ours |= {"tags": record.tags} if record.tags else {}
    found: dict[str, Any] = {"stream": True} if record.stream else {}
    return found | wishes | ({"neuroroute": ours} if ours else {})


def _missing(record: Outcome) -> tuple[str, ...]:
    """Fields whose values are not kept: what was said, and the parameters by their names."""
    used = features_of(record).get("parameters")
    return tuple(used) if isinstance(used, list) else ()

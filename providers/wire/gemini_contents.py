"""How is a conversation said to Gemini? As `contents` of two roles, with the results of tools in the user's.

https://ai.google.dev/gemini-api/docs/function-calling, https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Raw

from providers.chat import Message, Part, ToolCall
from providers.errors import InvalidRequest, UnsupportedByWire
from providers.wire.images import inline
from providers.wire.limits import object_of, plain_text
from providers.wire.signatures import opened, signature_in, signature_of

SYSTEM: Final = frozenset({"system", "developer"})
MINTED: Final = "gcall_"  # how the ids begin that we gave to calls without one
UNSIGNED: Final = "skip_thought_signature_validator"  # Google's word for calls that none of its models made
EXTENSIONS: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
}

Piece = dict[str, Any]


def contents(messages: list[Message], may_carry: bool, must_sign: bool) -> list[Piece]:
    """The turns, neighbours of one role joined. `may_carry`: signatures go along; `must_sign`: no call without one."""
    names = {call.id: call.function.name for m in messages for call in m.tool_calls or () if call.id and call.function}
    turns: list[Piece] = []
    for message in messages:
        if message.role in SYSTEM:
            continue
        role = "model" if message.role == "assistant" else "user"
        parts = list(_model_parts(message, may_carry, must_sign) if role == "model" else _user_parts(message, names))
        if parts and turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        elif parts:
            turns.append({"role": role, "parts": parts})
    if not turns:
        raise UnsupportedByWire("on this wire a conversation needs more than system messages", param="messages")
    for turn in turns:  # the results answer the turn before, and stand first
        turn["parts"].sort(key=lambda part: "functionResponse" not in part if turn["role"] == "user" else False)
    return turns


def system_instruction(messages: list[Message]) -> Piece | None:
    """Every system text, a part each."""
    texts = [plain_text(message.content) for message in messages if message.role in SYSTEM]
    parts = [{"text": text} for text in texts if text]
    return {"parts": parts} if parts else None


def _model_parts(message: Message, may_carry: bool, must_sign: bool) -> Iterator[Piece]:
    text = plain_text(message.content) or message.refusal or ""
    signature = signature_in(message.extra_content) if may_carry else None
    if text or signature:
        yield {"text": text} | ({"thoughtSignature": signature} if signature else {})
    for place, call in enumerate(message.tool_calls or ()):
        signature = signature_of(call) if may_carry else None
        if signature is None and must_sign and place == 0:  # of parallel calls the first is signed
            signature = UNSIGNED
        yield _call(call) | ({"thoughtSignature": signature} if signature else {})


def _call(call: ToolCall) -> Piece:
    if call.function is None or not call.function.name:
        raise InvalidRequest("a tool call of the conversation has no function", param="messages")
    return {"functionCall": _own_id(call.id) | {"name": call.function.name, "args": _args(call.function.arguments)}}


def _args(arguments: str | None) -> Any:
    """The arguments as they were written, where they are an object."""
    found = object_of(arguments)
    return Raw(arguments.encode()) if arguments and "invalid_json" not in found else found


def _own_id(call_id: str | None) -> Piece:
    """Gemini's own id of a call, where it gave one."""
    own = opened(call_id or "")[0]
    return {"id": own} if own and not own.startswith(MINTED) else {}


def _user_parts(message: Message, names: Mapping[str, str | None]) -> Iterator[Piece]:
    match message.role:
        case "user":
            yield from _parts(message.content)
        case "tool":
            yield _result(message, names)
        case _:
            raise UnsupportedByWire(f"this wire has no messages of role {message.role}", param="messages")


def _result(message: Message, names: Mapping[str, str | None]) -> Piece:
    """A tool's result. Its text stays a text, whatever it holds; what it shows goes beside it."""
    call_id = message.tool_call_id or ""
    name = names.get(call_id) or message.name
    if not name:
        raise UnsupportedByWire("this wire wants the tool's name with its result", param="messages")
    parts = list(_parts(message.content))
    text = "\n".join(part["text"] for part in parts if "text" in part)
    shown = [part for part in parts if "text" not in part]
    response = _own_id(call_id) | {"name": name, "response": {"output": text}}
    return {"functionResponse": response | ({"parts": shown} if shown else {})}


def _parts(content: str | list[Part] | None) -> Iterator[Piece]:
    for part in content if isinstance(content, list) else [Part("text", text=content)]:
        match part.type:
            case "text" | "refusal":
                if text := part.text or part.refusal:
                    yield {"text": text}
            case "image_url":
                yield _at(part.image_url.url if part.image_url else "")
            case "input_audio":
                yield _audio(part.input_audio or {})
            case "file":
                yield _file(part.file or {})
            case _:
                raise UnsupportedByWire(f"this wire does not take such a part: {part.type}", param="messages")


def _at(url: str) -> Piece:
    """Content in the request, or at an address: Gemini fetches it from there."""
    found = inline(url)
    if found is not None:
        return {"inlineData": {"mimeType": found.media_type, "data": found.data}}
    if not url.startswith(("https://", "gs://")):
        raise UnsupportedByWire("this wire takes data URLs and https addresses", param="messages")
    extension = url.partition("?")[0].rpartition(".")[2].lower()
    known = {"mimeType": EXTENSIONS[extension]} if extension in EXTENSIONS else {}
    return {"fileData": known | {"fileUri": url}}


def _audio(audio: Piece) -> Piece:
    data, form = audio.get("data"), audio.get("format")
    if not isinstance(data, str) or not isinstance(form, str):
        raise InvalidRequest("input_audio needs data and format", param="messages")
    return {"inlineData": {"mimeType": f"audio/{form}", "data": data}}


def _file(file: Piece) -> Piece:
    data = file.get("file_data")
    found = inline(data) if isinstance(data, str) else None
    if found is None:
        raise UnsupportedByWire("this wire takes files as data URLs only", param="messages")
    return {"inlineData": {"mimeType": found.media_type, "data": found.data}}

"""Where does a signature of Gemini's thinking live in a chat? In the id of the tool call that it belongs to.

Gemini signs its tool calls and wants the signatures back with the results. Clients of every form return a call's id
and nothing else, so the id that we give out holds Gemini's own id and the signature, in letters that every client and
upstream takes (`seal`). Google's OpenAI-compatible server has `extra_content` for it, which is written and read as
well; it alone can hold the signature of a text. To other wires the bare ids go.
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final
from zlib import crc32

import msgspec
from msgspec import Raw

from providers.chat import ChatBody, ChatChunk, ToolCall

SEAL: Final = "gts_"
SEALED: Final = re.compile(rb'"(gts_[A-Za-z0-9_-]+)"')
SPELLED: Final = b'"thought_signature"'
CHECK: Final = 4  # bytes of the checksum: a client may have cut the id
IN_BYTES: Final = 0  # the signature is base64, as Google's are, and its bytes stand in the id
AS_TEXT: Final = 1
LENGTH: Final = 2  # bytes that say how long Gemini's own id is
_messages: Final = msgspec.json.Decoder(list[Raw]).decode
_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def seal(call_id: str, signature: str) -> str:
    """An id that holds both."""
    own = call_id.encode()
    kind, data = _packed(signature)
    payload = bytes((kind,)) + len(own).to_bytes(LENGTH, "big") + own + data
    return SEAL + urlsafe_b64encode(crc32(payload).to_bytes(CHECK, "big") + payload).decode().rstrip("=")


def opened(call_id: str) -> tuple[str, str | None]:
    """The id that the upstream gave the call, and its signature where the id holds one."""
    found = _unpacked(call_id) if call_id.startswith(SEAL) else None
    return found or (call_id, None)


def bare(call_id: str | None) -> str:
    """The id alone, as wires without such signatures get it."""
    return opened(call_id)[0] if call_id else ""


def extra(signature: str) -> dict[str, Any]:
    """`extra_content` as Google's OpenAI-compatible server spells it."""
    return {"google": {"thought_signature": signature}}


def signature_in(extra_content: Any) -> str | None:
    """The signature that stands in an `extra_content`."""
    google = extra_content.get("google") if isinstance(extra_content, dict) else None
    found = google.get("thought_signature") if isinstance(google, dict) else None
    return found if isinstance(found, str) and found else None


def signature_of(call: ToolCall) -> str | None:
    """The signature of a tool call that a client returns."""
    return signature_in(call.extra_content) or opened(call.id or "")[1]


def signed_marks(body: ChatBody) -> tuple[str, ...]:
    """What a conversation carries that only its signer can read, in its order: ids of signed calls, signatures."""
    marks: list[str] = []
    for message in body.messages:
        if message.tool_calls:
            marks += [call.id for call in message.tool_calls if call.id and signature_of(call)]
        if message.extra_content is not None and (found := signature_in(message.extra_content)):
            marks.append(found)
    return tuple(marks)


def marks_in(event: ChatChunk) -> tuple[str, ...]:
    """What an event of an answer gives out that binds a conversation: ids of calls, signatures of texts."""
    signed = [c.delta.extra_content for c in event.choices if c.delta.extra_content is not None]
    texts = tuple([found for each in signed if (found := signature_in(each))]) if signed else ()
    return event.call_ids + texts


def without_seals(raw: bytes) -> bytes:
    """The same JSON with bare ids: none of Gemini's signatures reaches another wire in one."""
    if SEAL.encode() not in raw:
        return raw
    return SEALED.sub(lambda found: msgspec.json.encode(bare(found[1].decode())), raw)


def without_extras(messages: Raw) -> Raw:
    """The `messages` of a chat without Google's `extra_content`, which other servers refuse."""
    if SPELLED not in bytes(messages):
        return messages
    return Raw(msgspec.json.encode([_plain(message) for message in _messages(messages)]))


def _plain(message: Raw) -> Raw:
    if SPELLED not in bytes(message):
        return message
    fields = _fields(message)
    fields.pop("extra_content", None)
    calls = fields.get("tool_calls")
    if calls is not None and SPELLED in bytes(calls):
        kept = [{name: value for name, value in call.items() if name != "extra_content"} for call in _calls(calls)]
        fields["tool_calls"] = Raw(msgspec.json.encode(kept))
    return Raw(msgspec.json.encode(fields))


def _calls(calls: Raw) -> list[dict[str, Raw]]:
    return [_fields(call) for call in _messages(calls)]


def _packed(signature: str) -> tuple[int, bytes]:
    try:
        data = b64decode(signature, validate=True)
    except ValueError:
        return AS_TEXT, signature.encode()
    return (IN_BYTES, data) if b64encode(data).decode() == signature else (AS_TEXT, signature.encode())


def _unpacked(call_id: str) -> tuple[str, str] | None:
    text = call_id[len(SEAL) :]
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        check, payload = data[:CHECK], data[CHECK:]
        if crc32(payload).to_bytes(CHECK, "big") != check:
            return None
        starts = 1 + LENGTH
        ends = starts + int.from_bytes(payload[1:starts], "big")
        own, rest = payload[starts:ends], payload[ends:]
        return own.decode(), b64encode(rest).decode() if payload[0] == IN_BYTES else rest.decode()
    except (ValueError, IndexError):
        return None

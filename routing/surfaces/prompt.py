"""How do clients speak that know no messages? One prompt in, one text out; other fields are those of a chat."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from providers.chat import Answer, ChatBody, ChatRequest, Message
from routing.errors import InvalidBody
from routing.surfaces.base import Read, StreamWriter, Surface, Told
from routing.surfaces.chat import ChatWriter, openai_error

AUTO: Final = Raw(b'"auto"')
_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_chat: Final = msgspec.json.Decoder(ChatBody).decode


class Prompted(Struct):
    """What this surface reads itself."""

    prompt: str
    system: str | None = None


class SaidChoice(Struct):
    message: Message
    finish_reason: str | None = None


class Said(Struct):
    model: str
    choices: list[SaidChoice]


_prompted: Final = msgspec.json.Decoder(Prompted).decode
_said: Final = msgspec.json.Decoder(Said).decode


class Prompt(Surface):
    name = "prompt"
    paths = ("/prompt", "/api/route")

    def read(self, raw: bytes) -> Read:
        asked = _prompted(raw)
        if not asked.prompt.strip():
            raise InvalidBody("prompt: must not be empty", param="prompt")
        said = [{"role": "user", "content": asked.prompt}]
        if asked.system:
            said.insert(0, {"role": "system", "content": asked.system})
        fields = {name: value for name, value in _fields(raw).items() if name not in ("prompt", "system")}
        fields.setdefault("model", AUTO)
        fields["messages"] = Raw(msgspec.json.encode(said))
        chat = msgspec.json.encode(fields)
        return Read(_chat(chat), chat)

    def whole(self, answer: Answer, request: ChatRequest) -> bytes:
        """The text, and who said it; what was used and paid is the record's to say, which the view adds."""
        said = _said(answer.data)
        first = said.choices[0]
        shown: dict[str, Any] = {
            "response": first.message.content or first.message.refusal or "",
            "model_used": said.model,
            "finish_reason": first.finish_reason,
        }
        if first.message.tool_calls:
            shown["tool_calls"] = first.message.tool_calls
        return msgspec.json.encode(shown)

    def writer(self, request: ChatRequest, explain: bool) -> StreamWriter:
        """Streams are those of the chat: nobody has another form for them."""
        return ChatWriter(request.wants_usage, explain)

    def error(self, error: Told) -> bytes:
        return openai_error(error)

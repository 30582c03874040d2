"""How do clients of Anthropic's Messages speak? Claude Code and Anthropic's SDKs speak nothing else.

An upstream that speaks Messages receives their bodies and answers with native bytes (`providers/wire/messages_native`);
for all others the parts in `forms/messages_*` translate to a chat and back.
"""

import msgspec

from providers.chat import Answer, ChatRequest
from providers.wire.signatures import signed_marks
from routing.surfaces.base import Read, StreamWriter, Surface, Told
from routing.surfaces.forms.messages_errors import error_body
from routing.surfaces.forms.messages_events import MessagesWriter
from routing.surfaces.forms.messages_request import chat_of
from routing.surfaces.forms.messages_said import message_of


class Messages(Surface):
    name = "messages"
    paths = ("/v1/messages",)
    passed_headers = frozenset({b"anthropic-beta", b"anthropic-version"})

    def read(self, raw: bytes) -> Read:
        chat = chat_of(raw)
        marks = signed_marks(chat.body) + chat.marks
        return Read(chat.body, msgspec.json.encode(chat.body), marks, chat.lost, elsewhere=chat.elsewhere)

    def whole(self, answer: Answer, request: ChatRequest) -> bytes:
        return answer.data if answer.native else message_of(answer, request)

    def writer(self, request: ChatRequest, explain: bool) -> StreamWriter:
        return MessagesWriter(request, explain)

    def error(self, error: Told) -> bytes:
        return error_body(error)

    def headers(self, request_id: str) -> list[tuple[bytes, bytes]]:
        return [(b"request-id", f"req_{request_id}".encode())]

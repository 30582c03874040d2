"""Google's Gemini, as its server speaks it: model and method in the address, a stream as SSE or as one array."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from providers.found import FoundModel
from providers.sandbox.embedding import Embedded, Embeds
from providers.sandbox.gemini import answers, embeddings, errors
from providers.sandbox.gemini.fields import names, read
from providers.sandbox.gemini.prompts import read_prompt
from providers.sandbox.gemini.signatures import Signatures
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Exchange, Trouble, TroubleKind
from providers.sandbox.tokens import prompt_tokens
from providers.sandbox.wires.base import Event, Form, Page, Wire, encoded

VERSION: Final = re.compile(r"^/v1(?:alpha|beta)?(?=/)")
ADDRESS: Final = re.compile(r"/models/(?P<model>[^/:]+):(?P<method>\w+)")
STREAMED: Final = "streamGenerateContent"
CHATS: Final = ("generateContent", STREAMED)
PAGE: Final = 50
COUNT: Final = names("contents generateContentRequest")


class Gemini(Wire):
    name = "gemini"
    base_path = "/v1beta"
    chat_paths = frozenset(f"/models/{{model}}:{method}" for method in CHATS)
    answer_key = content_key = "candidates"
    model_key = "modelVersion"
    usage_fields = frozenset({"usageMetadata"})
    usage_counts = frozenset({"promptTokenCount", "candidatesTokenCount", "totalTokenCount"})
    retry_header = None
    request_id_header = "x-gemini-service-request-id"
    statuses: ClassVar[Mapping[TroubleKind, int]] = errors.CODES
    unable = "{what} is not enabled for models/{model}"

    def __init__(
        self, model: str = "", method: str = "", *, array: bool = False, signed: Signatures | None = None
    ) -> None:
        self._model, self._method, self._array = model, method, array
        self._signed = signed or Signatures()
        if array:
            self.stream_type = "application/json; charset=UTF-8"

    def below(self, path: str) -> str:
        return VERSION.sub("", path)

    def form(self, path: str, query: Mapping[str, str]) -> Form | None:
        asked = ADDRESS.fullmatch(path)
        if asked is None or asked["method"] not in CHATS:
            return None
        array = asked["method"] == STREAMED and query.get("alt") != "sse"
        return Gemini(asked["model"], asked["method"], array=array, signed=self._signed)

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        return read_prompt(self._model, self._method == STREAMED, body, self._signed)

    def whole(self, exchange: Exchange) -> dict[str, Any]:
        return answers.whole(exchange, self._signed)

    def events(self, exchange: Exchange) -> list[Event]:
        ends = [Event("end", b"")] if self._array else []
        return [self.placed(event, at) for at, event in enumerate(answers.events(exchange, self._signed) + ends)]

    def placed(self, event: Event, at: int) -> Event:
        """The event with what stands before it: in an array the bracket or a comma."""
        event.name = self._mark(event, at)
        return event

    def _mark(self, event: Event, at: int) -> str:
        if not self._array:
            return "data: "
        return "]" if event.kind == "end" else "," if at else "["

    def refusal(self, trouble: Trouble) -> dict[str, Any]:
        return errors.error(trouble)

    def error_event(self, trouble: Trouble) -> Event:
        return Event("error", self.refusal(trouble))

    def blocked(self, exchange: Exchange, trouble: Trouble) -> dict[str, Any] | None:
        return answers.blocked(exchange, trouble.code or "PROHIBITED_CONTENT")

    def encode(self, event: Event) -> bytes:
        return event.name.encode() + encoded(event.payload) + (b"\r\n" if self._array else b"\r\n\r\n")

    def embeds(self, path: str, body: Mapping[str, Any]) -> Embeds | None:
        asked = ADDRESS.fullmatch(path)
        if asked is None or asked["method"] not in (embeddings.ONE, embeddings.MANY):
            return None
        return embeddings.read_embeds(asked["model"], asked["method"], body)

    def embedded(self, asked: Embeds, made: Embedded) -> dict[str, Any]:
        return embeddings.written(asked, made)

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        asked = ADDRESS.fullmatch(path)
        if method == "POST" and asked and asked["method"] == "countTokens":
            return Page(self._counted(asked["model"], body))
        rows = {f"/models/{model.upstream_model}": _model_row(model) for model in models}
        if (method, path) == ("GET", "/models"):
            return Page(_listing(list(rows.values()), body))
        if method != "GET" or not path.startswith("/models/"):
            return None
        if path not in rows:
            raise Trouble("not_found", f"Model is not found: {path[1:]} for api version v1beta", status=404)
        return Page(rows[path])

    def presented_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-goog-api-key") or headers.get("authorization", "").removeprefix("Bearer ")

    def _counted(self, model: str, body: Mapping[str, Any]) -> dict[str, Any]:
        fields = read(body, COUNT, "")
        inner = fields.pop("generateContentRequest", fields)
        tokens = prompt_tokens(read_prompt(model, False, inner, self._signed))
        return {"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]}


def _listing(rows: list[dict[str, Any]], query: Mapping[str, Any]) -> dict[str, Any]:
    """One page of the models, and the token of the next where there is one."""
    start, size = int(query.get("pageToken") or 0), int(query.get("pageSize") or PAGE)
    more = {"nextPageToken": str(start + size)} if start + size < len(rows) else {}
    return {"models": rows[start : start + size]} | more


def _model_row(model: FoundModel) -> dict[str, Any]:
    row = {
        "name": f"models/{model.upstream_model}",
        "version": "001",
        "displayName": model.upstream_model.replace("-", " ").title(),
        "description": "A model of the sandbox",
        "inputTokenLimit": model.context,
        "outputTokenLimit": model.max_output or 1,
    }
    if "embeddings" in model.capabilities:
        return row | {"supportedGenerationMethods": ["embedContent", "countTextTokens", "countTokens"]}
    chats = ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]
    thinks = {"thinking": True} if "reasoning" in model.capabilities else {}
    settings = {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2}
    return row | {"supportedGenerationMethods": chats} | settings | thinks

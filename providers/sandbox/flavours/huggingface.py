"""How does the router of Hugging Face differ from OpenAI?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from providers.found import FoundModel
from providers.sandbox.flavours.base import JSON, Flavour
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Trouble, TroubleKind, invalid

PROVIDERS: Final = ("sandbox", "playback")
POLICIES: Final = ("fastest", "cheapest", "preferred")
SENTENCES: Final = {  # errors that are a bare sentence
    "auth": "Invalid username or password.",
    "quota": "You have exceeded your monthly included credits for Inference Providers.",
}


class HuggingFace(Flavour):
    name = "huggingface"
    statuses: ClassVar[Mapping[TroubleKind, int]] = {"quota": 402}

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        """Read a chat; `model:provider` and `model:policy` say who of several shall answer."""
        prompt = super().prompt(body, headers)
        asked, mark, step = prompt.model.partition("!")
        model, _, chosen = asked.partition(":")
        if chosen and chosen not in PROVIDERS + POLICIES:
            message = f"The requested model '{model}' is not supported by provider '{chosen}'."
            raise invalid(message, "model", "model_not_supported")
        return replace(prompt, model=model + mark + step)

    def refusal(self, trouble: Trouble) -> JSON:
        sentence = SENTENCES.get(trouble.kind)
        return {"error": sentence} if sentence else super().refusal(trouble)

    def row(self, model: FoundModel) -> JSON:
        return super().row(model) | {"providers": [_provider(name, model) for name in PROVIDERS]}


def _provider(name: str, model: FoundModel) -> JSON:
    row: JSON = {"provider": name, "status": "live", "context_length": model.context}
    row["supports_tools"] = "tools" in model.capabilities
    row["supports_structured_output"] = "json_schema" in model.capabilities
    if model.input_price and model.output_price:  # USD per million tokens
        row["pricing"] = {"input": float(model.input_price), "output": float(model.output_price)}
    return row

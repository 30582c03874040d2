"""How do Gemini's log probabilities become OpenAI's? Chosen tokens and, step by step, those that nearly were."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType


class Token(Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0

    def said(self) -> dict[str, Any]:
        return {"token": self.token, "logprob": self.log_probability, "bytes": list(self.token.encode())}


class Step(Struct):
    candidates: list[Token] = []


class LogprobsResult(Struct, rename="camel"):
    chosen_candidates: list[Token] = []
    top_candidates: list[Step] = []


def openai_logprobs(result: LogprobsResult | None) -> Raw | UnsetType:
    """The `logprobs` of a choice as JSON."""
    if result is None or not result.chosen_candidates:
        return UNSET
    tops = [[token.said() for token in step.candidates] for step in result.top_candidates]
    tops += [[]] * (len(result.chosen_candidates) - len(tops))
    content = [token.said() | {"top_logprobs": top} for token, top in zip(result.chosen_candidates, tops, strict=False)]
    return Raw(msgspec.json.encode({"content": content, "refusal": None}))

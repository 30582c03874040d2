"""Which words, fields and ids does a server of OpenAI's form take? What its address and its model's name tell of it."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

# Who runs OpenAI's models, and whose models refuse OpenAI's older names wherever they run.
OPENAIS: Final = ("api.openai.com", ".openai.azure.com", ".cognitiveservices.azure.com")
THINKERS: Final = re.compile(r"(?:^|/)(?:o[1-9]|gpt-[5-9])")
# Mistral's, whose templates check the ids of calls and the order of roles wherever they run.
MISTRALS: Final = re.compile(r"(?:mis|minis|magis|devs|codes|pix|mix)tral", re.IGNORECASE)
MISTRAL: Final = "api.mistral.ai"
# Who refuses fields of a message that it does not know, and what other models' answers have of such.
REFUSED: Final = {
    MISTRAL: frozenset({"reasoning", "reasoning_content", "reasoning_details"}),
    "api.groq.com": frozenset({"reasoning_content", "reasoning_details"}),
    "api.cerebras.ai": frozenset({"reasoning_content", "reasoning_details"}),
}
# What only tunes or labels a request, and Mistral's server refuses: https://docs.mistral.ai/api, ChatCompletionRequest
UNKNOWN_TO_MISTRAL: Final = frozenset({"user", "store", "logit_bias", "service_tier", "verbosity", "safety_identifier"})
LM_STUDIO: Final = "lm-studio"
LM_STUDIO_PORT: Final = 1234


class IdForm(Struct, frozen=True):
    """Which ids of tool calls are taken as they are, and how long the others become."""

    taken: re.Pattern[str]
    length: int


NINE: Final = IdForm(re.compile(r"[a-zA-Z0-9]{9}"), 9)
FORTY: Final = IdForm(re.compile(r".{1,40}"), 40)


class Habits(Struct, frozen=True):
    """What one upstream takes.

    `newer_names` are `max_completion_tokens` and the role `developer`: OpenAI's own reasoning models refuse the older,
    and many other servers know no other. `refused` are fields of a message. `answers_tools`: a model's turn must stand
    between a tool's result and what the user says next. `schemas_only`: it writes JSON by a schema alone. `unknown` are
    fields of a request that are refused, `tells_usage`: of streams too, and refuses to be asked, `seed` is its name.
    """

    newer_names: bool = False
    refused: frozenset[str] = frozenset()
    call_ids: IdForm | None = None
    answers_tools: bool = False
    schemas_only: bool = False
    unknown: frozenset[str] = frozenset()
    tells_usage: bool = False
    seed: str = "seed"


@lru_cache(maxsize=4096)
def habits(provider: str, base_url: str, upstream_model: str) -> Habits:
    """The habits of a model at a provider's address."""
    address = urlsplit(base_url)
    host = address.hostname or ""
    openais, mistrals = host.endswith(OPENAIS), host == MISTRAL or bool(MISTRALS.search(upstream_model))
    return Habits(
        newer_names=openais or THINKERS.search(upstream_model) is not None,
        refused=REFUSED.get(host, frozenset()),
        call_ids=FORTY if openais else NINE if mistrals else None,
        answers_tools=mistrals and not openais,
        unknown=UNKNOWN_TO_MISTRAL if host == MISTRAL else frozenset(),
        tells_usage=host == MISTRAL,
        seed="random_seed" if host == MISTRAL else "seed",
        schemas_only=provider == LM_STUDIO or address.port == LM_STUDIO_PORT,
    )

"""Why did the model stop? The many words for it become OpenAI's five."""

from collections.abc import Mapping
from typing import Final

FINISHES: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
WORDS: Final[Mapping[str, str]] = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "context_length": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "refusal": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "content_filtered": "content_filter",
    # Gemini's
    "continuation": "length",
    "language": "content_filter",
    "spii": "content_filter",
    "escalation": "content_filter",
    "pup_limited_disabled": "content_filter",
    "model_armor": "content_filter",
    "image_safety": "content_filter",
    "image_prohibited_content": "content_filter",
    "image_recitation": "content_filter",
    "image_other": "content_filter",
}


def openai_finish(word: str) -> str:
    """One of OpenAI's finish reasons; `stop` for a word that nobody knows (`eos`, `end_turn`, `stop_sequence` …)."""
    word = word.lower()
    return word if word in FINISHES else WORDS.get(word, "stop")

"""The table of well-known models: readable, consistent, and found by the names that providers use."""

from datetime import date

import pytest

from providers.priors import Prior, prior_of, priors
from providers.vendors import VENDORS
from routing.features.category import WORDS

MODELS = priors().models
CAPABILITIES = {"tools", "vision", "json_mode", "json_schema", "reasoning", "embeddings"}


def test_the_table_says_when_it_was_written() -> None:
    assert date(2025, 1, 1) < priors().as_of < date.today()


def test_names_are_unique() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS) >= 40


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_row_is_consistent(model: Prior) -> None:
    assert prior_of(model.name) == model, "another row takes its own name"
    assert set(model.can) <= CAPABILITIES
    assert set(model.categories) <= {*WORDS, "chat"}
    assert model.quality is not None and 0 < model.quality < 1
    assert all(0 < quality < 1 for quality in model.categories.values())
    assert set(model.at) <= {vendor.name for vendor in VENDORS}
    for here in model.at.values():
        assert prior_of(here.id or model.name) == model
        assert (here.speed is None) == ("embeddings" in model.can), "who embeds writes no tokens"
        assert here.speed is None or min(here.speed) > 0


@pytest.mark.parametrize(
    ("upstream_model", "name"),
    [
        ("gpt-4o-2024-11-20", "gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic/claude-haiku-4.5", "claude-haiku-4-5"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("llama-3.1-8b-instant", "llama-3.1-8b"),
        ("llama3.1:8b-instruct-q4_K_M", "llama-3.1-8b"),
        ("deepseek/deepseek-r1:free", "deepseek-r1"),
        ("/models/Qwen2.5-7B-Instruct-Q4_K_M.gguf", "qwen2.5-7b"),
        ("gpt-4o-audio-preview", None),
        ("gpt-5.1-codex-max", None),
        ("llama3.1:405b", None),
        ("something-new", None),
    ],
)
def test_a_model_is_known_by_the_names_of_its_providers(upstream_model: str, name: str | None) -> None:
    found = prior_of(upstream_model)
    assert (found.name if found else None) == name

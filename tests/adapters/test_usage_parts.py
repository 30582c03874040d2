"""The parts of usage that are billed apart: how each wire tells them, and that the inner form keeps them."""

import msgspec
import pytest

from providers.chat import TokenUsage, WireUsage
from providers.wire import counts
from providers.wire.gemini_answer import Counts
from providers.wire.messages_events import Usage
from routing.surfaces.forms.messages_said import usage_of as messages_usage
from routing.surfaces.forms.responses_answer import usage_object as responses_usage

EVERYTHING = TokenUsage(100, 50, 10, 20, 5, cache_write_1h=30, audio_input=15, audio_output=7)


def openai(**usage):
    found = counts.usable({"prompt_tokens": 100, "completion_tokens": 50, **usage})
    return counts.typed(found).tokens()


def test_the_inner_form_keeps_every_part():
    again = msgspec.json.decode(msgspec.json.encode(WireUsage.of(EVERYTHING)), type=WireUsage)
    assert again.tokens() == EVERYTHING
    assert WireUsage.of(TokenUsage(1, 1)).prompt_tokens_details is None


def test_parts_never_overlap_whatever_an_upstream_says():
    usage = openai(
        prompt_tokens_details={
            "cached_tokens": 90,
            "cache_write_tokens": 90,
            "cache_write_1h_tokens": 90,
            "audio_tokens": 90,
        },
        completion_tokens_details={"reasoning_tokens": 90, "audio_tokens": 90},
    )
    assert usage == TokenUsage(100, 50, 90, 0, 50, cache_write_1h=10)


@pytest.mark.parametrize("name", ["prompt_cache_hit_tokens", "cached_tokens"])
def test_cached_tokens_are_found_where_deepseek_and_moonshot_put_them(name):
    assert openai(**{name: 64}).cached == 64
    assert openai(**{name: 64}, prompt_tokens_details={"cached_tokens": 32}).cached == 32


def test_reasoning_beside_the_completion_is_paid_for():
    """xAI's total counts it on top; OpenAI's is part of the completion."""
    details = {"completion_tokens_details": {"reasoning_tokens": 30}}
    assert (openai(total_tokens=180, **details).completion, openai(total_tokens=180, **details).reasoning) == (80, 30)
    assert openai(total_tokens=150, **details).completion == 50


def test_anthropic_tells_writes_of_an_hour_apart():
    said = {
        "input_tokens": 5,
        "output_tokens": 9,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 40,
        "cache_creation": {"ephemeral_5m_input_tokens": 25, "ephemeral_1h_input_tokens": 75},
    }
    usage = msgspec.convert(said, Usage).wire().tokens()
    assert usage == TokenUsage(145, 9, 40, 25, cache_write_1h=75)
    assert messages_usage(usage) == said
    assert responses_usage(usage)["input_tokens_details"] == {"cached_tokens": 40, "cache_write_tokens": 100}


def test_gemini_tells_audio_apart_and_what_of_it_was_cached():
    said = {
        "promptTokenCount": 100,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 5,
        "cachedContentTokenCount": 40,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 30}, {"modality": "AUDIO", "tokenCount": 70}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
    }
    usage = msgspec.convert(said, Counts).wire(answered=True).tokens()
    assert usage == TokenUsage(100, 25, 40, 0, 5, audio_input=30, audio_output=20)


def test_a_summary_that_anthropic_made_first_is_billed_and_is_in_no_other_count():
    """https://platform.claude.com/docs/en/build-with-claude/compaction: the sum of all iterations is billed."""
    own = {"type": "message", "input_tokens": 23_000, "output_tokens": 1000}
    summary = {
        "type": "compaction", "input_tokens": 100_000, "output_tokens": 3500, "cache_read_input_tokens": 80_000,
        "cache_creation_input_tokens": 7, "cache_creation": {"ephemeral_1h_input_tokens": 3},
    }  # fmt: skip
    told = {"input_tokens": 23_000, "output_tokens": 1000, "cache_read_input_tokens": 5}
    usage = msgspec.convert(told | {"iterations": [summary, own]}, Usage).wire().tokens()
    assert usage == TokenUsage(203_012, 4500, 80_005, 4, cache_write_1h=3)
    for odd in (None, [], [own], "many", [{"type": 3}], {"type": "compaction"}):
        assert msgspec.convert(told | {"iterations": odd}, Usage).wire().tokens() == TokenUsage(23_005, 1000, 5)

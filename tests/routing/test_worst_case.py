"""What is set aside for a prompt that does not stand in the body whole?"""

import json

import pytest
from msgspec import structs

from routing.answering.paying import UNKNOWN_PROMPT_TOKENS, held_output, worst_case

from .factories import parse, target

SMALL, UNKNOWN = target("a/m", 1, context=200_000), target("a/m", 1, context=None)
WORDS = {"type": "text", "text": "Sum it up."}
BOOK = "data:application/pdf;base64,JVBERi0="


def asked(content, surface="chat", **fields):
    body = {"model": "auto", "max_tokens": 10, "messages": [{"role": "user", "content": content}], **fields}
    return parse(json.dumps(body).encode(), surface=surface).request


@pytest.mark.parametrize(
    "request_",
    [
        asked(
            [{"type": "document", "source": {"type": "url", "url": "https://example.com/book.pdf"}}, WORDS], "messages"
        ),
        asked([{"type": "document", "source": {"type": "file", "file_id": "file_1"}}], "messages"),
        asked([{"type": "file", "file": {"file_id": "file-1"}}]),
    ],
    ids=[
        "a document by its address",
        "one that Anthropic keeps",
        "one that OpenAI keeps",
    ],
)
def test_what_the_upstream_keeps_or_fetches_may_fill_its_whole_context(request_):
    assert worst_case(request_, SMALL).prompt_tokens == 200_000
    assert worst_case(request_, UNKNOWN).prompt_tokens == UNKNOWN_PROMPT_TOKENS


@pytest.mark.parametrize("spelled", ["cached_content", "cached\\u005fcontent", "\\u0063ached_content"])
@pytest.mark.parametrize(
    "place", [{"wire": "gemini"}, {"base_url": "https://generativelanguage.googleapis.com/v1beta/openai"}]
)
def test_a_prompt_that_google_keeps_may_fill_its_whole_context_however_it_is_spelled(place, spelled):
    google = structs.replace(SMALL, **place)
    body = {
        "model": "auto",
        "messages": [{"role": "user", "content": "caf\u00e9 A"}],
        "extra_body": {"google": {"X": "1"}},
    }
    request = parse(json.dumps(body).replace('"X"', f'"{spelled}"').encode()).request
    assert worst_case(request, google).prompt_tokens == 200_000
    assert worst_case(request, SMALL).prompt_tokens < 60_000, "no other server knows it"
    thinks = asked("Hi", extra_body={"google": {"thinking_config": {"thinking_budget": 10}}})
    assert worst_case(thinks, google).prompt_tokens < 60_000


@pytest.mark.parametrize(
    ("content", "surface"),
    [
        ([{"type": "file", "file": {"filename": "a.pdf", "file_data": BOOK}}], "chat"),
        ([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}}], "messages"),
        ([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}], "chat"),
        ('{"cached_content": "in words", "file_id": "too"}', "chat"),
    ],
)
def test_what_came_with_the_body_is_reckoned_by_it(content, surface):
    assert worst_case(asked(content, surface), SMALL).prompt_tokens < 60_000


def test_a_conversation_that_is_summarized_first_is_read_and_written_twice():
    edits = {"edits": [{"type": "compact_20260112"}, {"type": "clear_tool_uses_20250919"}]}
    usual = worst_case(asked("Hi", "messages", context_management={"edits": edits["edits"][1:]}), UNKNOWN)
    twice = worst_case(asked("Hi", "messages", context_management=edits), UNKNOWN)
    assert (usual.completion_tokens, twice.completion_tokens) == (10, 20)
    assert twice.prompt_tokens > 2 * usual.prompt_tokens


def test_who_sets_no_limit_is_held_for_by_what_can_be_asked_for():
    """Servers refuse a limit for which the prompt leaves no room: then the whole context may be written."""
    silent = parse(json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}).encode()).request
    writer = target("a/m", 1, context=10_000, max_output=4000)
    assert held_output(silent, writer, 3000) == 4000 == worst_case(silent, writer, 3000).completion_tokens
    assert held_output(silent, writer, 3001) is None
    assert worst_case(silent, writer, 3001).completion_tokens == 10_000
    assert held_output(silent, target("a/m", 1, context=10_000), 10) is None
    assert held_output(asked("Hi"), writer, 10) is None, "its caller sets one"

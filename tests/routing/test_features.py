"""What is found out about a request."""

import pytest

from routing.errors import BodyTooLarge, InvalidBody
from routing.features import extract, features

from .factories import asked, parse


@pytest.mark.parametrize(
    ("prompt", "category"),
    [
        ("Fix this Python function, it raises a traceback", "coding"),
        ("Solve the equation 3x + 4 = 10", "math"),
        ("Translate this to French: good morning", "translation"),
        ("Summarize the following article", "summarization"),
        ("Extract all names as JSON and classify them", "extraction"),
        ("Write a poem about the sea", "writing"),
        ("Explain why the sky is blue and compare with Mars", "reasoning"),
        ("Hi there!", "chat"),
    ],
)
def test_the_kind_of_task_is_told_from_the_words(prompt, category):
    assert asked(prompt).features["category"] == category


def test_harder_requests_are_more_complex():
    easy = asked("Hi").features["complexity"]
    hard = asked("Design and optimize a distributed algorithm, prove its complexity step by step. " * 30)
    assert 0 <= easy < 0.1 < 0.5 < hard.features["complexity"] <= 1


def test_modality_and_needs_come_from_parts_tools_and_formats():
    found = asked(
        [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}],
        tools=[{"type": "function", "function": {"name": "f"}}],
        response_format={"type": "json_object"},
    ).features
    assert found["modality"] == "vision"
    assert found["needs"] == ["json_mode", "tools", "vision"]


def test_token_estimates_grow_with_the_text_and_respect_the_limit_asked_for():
    short, long = asked("word " * 10).features, asked("word " * 4000).features
    assert 10 <= short["prompt_tokens"] <= 30
    assert 4000 <= long["prompt_tokens"] <= 6500
    assert asked("Hi", max_tokens=7).features["output_tokens"] == 7
    assert asked("漢字" * 500).features["prompt_tokens"] > 600


def test_every_feature_finds_something_in_an_empty_chat():
    body = parse(b'{"model": "auto", "messages": [{"role": "user", "content": ""}]}', 1000).request.body
    assert set(extract(body)) == {feature.name for feature in features()}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"messages": []}', "model"),
        (b'{"model": "", "messages": [{"role": "user"}]}', "model"),
        (b'{"model": "auto", "messages": []}', "messages"),
        (b'{"model": "auto", "messages": [{"role": 5}]}', r"messages\[0\].role"),
        (b'{"model": "auto", "messages": [{"role": "user"}], "temperature": "hot"}', "temperature"),
        (b'{"model": "auto", "messages": [{"role": "user"}], "max_tokens": 0}', "max_tokens"),
        (b'{"model": "auto", "messages": [{"role": "user"}], "neuroroute": {"policy": 3}}', "neuroroute.policy"),
    ],
)
def test_a_bad_field_is_named(body, field):
    with pytest.raises(InvalidBody, match=field) as caught:
        parse(body, 10_000)
    assert caught.value.param


def test_broken_json_and_long_bodies_are_refused():
    with pytest.raises(InvalidBody, match="not valid JSON"):
        parse(b'{"model": ', 1000)
    with pytest.raises(BodyTooLarge, match="limit is 10 "):
        parse(b'{"model": "auto"}', 10)


def test_unknown_fields_are_kept_for_the_upstream():
    request = parse(b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "zork": 1}', 999)
    assert b'"zork": 1' in request.request.raw

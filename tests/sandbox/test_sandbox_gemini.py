"""Google's own SDK talks to the sandbox: what it accepts is the wire format."""

import json

import jsonschema
import pytest
from google.genai import errors, types

from tests.sandbox.google_calls import FLASH, PRO, QUESTION, ask, connect, parts_of, stream

LONG = "All the facts that matter here. " * 400


def test_answers_as_a_candidate(gemini):
    answer = ask(gemini)
    candidate = answer.candidates[0]
    assert answer.text.startswith(f"Sandbox text, played as {FLASH}: The capital of Japan is Tokyo.")
    assert (candidate.finish_reason, candidate.content.role, candidate.index) == ("STOP", "model", 0)
    assert answer.model_version == FLASH and answer.response_id
    counts = answer.usage_metadata
    assert counts.total_token_count == counts.prompt_token_count + counts.candidates_token_count > 10


def test_streams_the_same_text_with_counts_that_grow(gemini):
    whole, chunks = ask(gemini), stream(gemini)
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert [chunk.candidates[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["STOP"]
    totals = [chunk.usage_metadata.total_token_count for chunk in chunks]
    assert totals == sorted(totals) and totals[0] < totals[-1]
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert len({chunk.response_id for chunk in chunks}) == 1


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
async def test_answers_the_async_client(gemini_sandbox, gemini):
    other = connect(gemini_sandbox.url)
    async with other.aio as asynchronous:
        whole = await asynchronous.models.generate_content(model=FLASH, contents=QUESTION)
        chunks = await asynchronous.models.generate_content_stream(model=FLASH, contents=QUESTION)
        said = "".join([chunk.text or "" async for chunk in chunks])
    other.close()
    assert whole.text == said == ask(gemini).text


def test_sends_the_key_in_a_header_only(gemini, gemini_sandbox):
    ask(gemini)
    (call,) = gemini_sandbox.calls(ended=True)
    assert (call.path, call.query) == (f"/v1/models/{FLASH}:generateContent", "")
    assert call.headers["x-goog-api-key"] == "sandbox-key"


def test_obeys_the_system_instruction(gemini):
    plain = ask(gemini).usage_metadata.prompt_token_count
    assert ask(gemini, system_instruction="Be brief.").usage_metadata.prompt_token_count > plain


def test_ends_at_the_limit_of_tokens(gemini):
    answer = ask(gemini, max_output_tokens=5)
    assert (answer.candidates[0].finish_reason, answer.usage_metadata.candidates_token_count) == ("MAX_TOKENS", 5)


def test_ends_before_a_stop_sequence(gemini):
    answer = ask(gemini, stop_sequences=["Tokyo"])
    assert answer.candidates[0].finish_reason == "STOP" and answer.text.endswith("Japan is ")


def test_answers_several_candidates(gemini):
    answer = ask(gemini, "Tell me a story.", candidate_count=3)
    assert [candidate.index for candidate in answer.candidates] == [0, 1, 2]


def test_remembers_the_conversation(gemini):
    chat = gemini.chats.create(model=FLASH)
    chat.send_message("My name is Ada.")
    assert "Ada" in chat.send_message("What is my name?").text


def test_thinks_where_it_is_asked_to_and_shows_it_where_it_is_wanted(gemini):
    answer = ask(gemini, thinking_config={"thinking_budget": 100, "include_thoughts": True})
    thought, text = answer.candidates[0].content.parts
    assert thought.thought and "words" in thought.text and not text.thought
    assert answer.usage_metadata.thoughts_token_count > 5
    counts = answer.usage_metadata
    parts = (counts.prompt_token_count, counts.candidates_token_count, counts.thoughts_token_count)
    assert counts.total_token_count == sum(parts)
    hidden = ask(gemini, thinking_config={"thinking_budget": 100})
    assert len(hidden.candidates[0].content.parts) == 1 and hidden.usage_metadata == answer.usage_metadata
    assert ask(gemini).usage_metadata.thoughts_token_count is None


def test_signs_a_streamed_text_in_an_empty_last_part(gemini):
    parts = parts_of(stream(gemini, model=PRO, thinking_config={"include_thoughts": True}))
    assert [part.thought for part in parts[:3]] == [True] * 3
    assert parts[-1].text == "" and parts[-1].thought_signature
    assert all(part.thought_signature is None for part in parts[:-1])
    said = types.ModelContent([types.Part(text="Tokyo."), parts[-1]])
    assert ask(gemini, [types.UserContent(QUESTION), said, types.UserContent("And of Italy?")], model=PRO).text


def test_answers_an_instance_of_the_schema(gemini, weather_schema):
    config = {"response_mime_type": "application/json", "response_json_schema": weather_schema}
    answer = ask(gemini, "Weather in Rome for 3 days?", **config)
    jsonschema.validate(json.loads(answer.text), weather_schema)
    own = types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"])
    parsed = ask(gemini, "Weather in Rome?", response_mime_type="application/json", response_schema=own).parsed
    assert parsed == {"city": "Rome"}


def test_sees_an_image(gemini, png):
    image = types.Part.from_bytes(data=png, mime_type="image/png")
    assert f"an image (image/png, {len(png)} bytes)" in ask(gemini, [image, "What is this?"]).text


def test_counts_cached_tokens_within_the_prompt(gemini):
    first, second = (ask(gemini, LONG).usage_metadata for _ in range(2))
    assert first.cached_content_token_count is None
    assert 1024 < second.cached_content_token_count <= second.prompt_token_count == first.prompt_token_count


def test_counts_tokens_as_it_bills_them(gemini):
    counted = gemini.models.count_tokens(model=FLASH, contents=QUESTION)
    assert counted.total_tokens == ask(gemini).usage_metadata.prompt_token_count


def test_lists_its_models_with_limits_and_methods(gemini):
    models = {model.name: model for model in gemini.models.list()}
    assert list(models) == [f"models/{name}" for name in (PRO, FLASH, "sandbox-google-embed")]
    assert models[f"models/{PRO}"].input_token_limit == 1_048_576 and models[f"models/{PRO}"].output_token_limit
    assert "generateContent" in models[f"models/{PRO}"].supported_actions
    assert "embedContent" in models["models/sandbox-google-embed"].supported_actions
    assert gemini.models.get(model=FLASH).display_name == "Sandbox Gemini Flash"


def test_lists_its_models_in_pages(gemini):
    pages = gemini.models.list(config={"page_size": 2})
    assert (len(pages.page), len(list(pages))) == (2, 3)


def test_embeds_one_text_and_many(gemini):
    def embed(contents, **config):
        return gemini.models.embed_content(model="sandbox-google-embed", contents=contents, config=config)

    one, many = embed("The cat sleeps."), embed(["The cat sleeps.", "Rain falls."])
    assert one.embeddings[0].values == many.embeddings[0].values
    assert [len(row.values) for row in many.embeddings] == [512, 512]
    assert len(embed("Hi", output_dimensionality=64).embeddings[0].values) == 64
    with pytest.raises(errors.ClientError, match="embeddings is not enabled"):
        gemini.models.embed_content(model=FLASH, contents="Hi")
    with pytest.raises(errors.ClientError, match="chat is not enabled"):
        ask(gemini, model="sandbox-google-embed")

"""What a wire cannot carry is declared, and the declaration is what the request code does."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import UnsupportedByWire
from providers.parameters import PARAMETERS, rules_out, used
from tests.adapters.examples import SECRET, chat, target

WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
AUDIO = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "x.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}
SAMPLES = {
    "n": {"n": 2},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "tool_choice": {"tools": [WEATHER], "tool_choice": "required"},
    "custom_tools": {"tools": [WEATHER, {"type": "custom", "custom": {"name": "shell"}}]},
    "functions": {"functions": [WEATHER["function"]]},
    "json_schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
    },
    "audio_output": {"modalities": ["text", "audio"]},
    "audio": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hear"}, AUDIO]}]},
    "file": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Read"}, FILE]}]},
    "parallel_tool_calls": {"tools": [WEATHER], "parallel_tool_calls": False},
    "seed": {"seed": 0},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "logit_bias": {"logit_bias": {"50256": -100}},
}
CELLS = [(name, wire) for wire in adapters() for name in PARAMETERS]


def warnings(adapter, name, way="default"):
    return adapter.request(chat(**SAMPLES[name]), target(adapter.name, unsupported=way), SECRET).warnings


def test_every_parameter_has_a_sample_that_uses_it():
    assert SAMPLES.keys() == PARAMETERS.keys()
    for name, fields in SAMPLES.items():
        assert used(chat(**fields).body) == ({name} if PARAMETERS[name].droppable else set())


@pytest.mark.parametrize("fields", [{}, {"n": 1}, {"tool_choice": "auto"}, {"logit_bias": {}}, {"presence_penalty": 0},
                                    {"parallel_tool_calls": True}, {"response_format": {"type": "text"}}, {"tools": []},
                                    {"modalities": ["text"]}, {"logprobs": False, "top_logprobs": 0}])  # fmt: skip
def test_a_value_that_asks_for_nothing_uses_nothing(fields):
    assert used(chat(**fields).body) == set()


@pytest.mark.parametrize(("name", "wire"), CELLS)
def test_declared_parameters_are_refused_by_name_or_dropped_with_a_note_and_others_are_sent(name, wire):
    adapter, field = adapters()[wire], PARAMETERS[name].field
    if name not in adapter.unsupported:
        assert not [note for note in warnings(adapter, name) if note.startswith(field)]
        return
    for way in ("default", "exclude", "drop"):
        if rules_out(name, way):
            with pytest.raises(UnsupportedByWire) as refused:
                warnings(adapter, name, way)
            assert refused.value.param == field
        else:
            assert f"{field} dropped" in warnings(adapter, name, way)


@pytest.mark.parametrize(
    "wire", [wire for wire, adapter in adapters().items() if "custom_tools" in adapter.unsupported]
)
def test_a_dropped_tool_leaves_the_others(wire):
    fields = chat(**SAMPLES["custom_tools"])
    body = json.loads(adapters()[wire].request(fields, target(wire, unsupported="drop"), SECRET).body)
    assert "weather" in json.dumps(body["tools"]) and "shell" not in json.dumps(body)


def test_what_shapes_the_answer_is_refused_and_what_tunes_it_dropped_unless_the_operator_says_otherwise():
    assert rules_out("n", "default") and not rules_out("seed", "default")
    assert not rules_out("n", "drop") and rules_out("seed", "exclude")
    assert rules_out("audio", "drop")  # a message without a part of it is another question


@pytest.mark.parametrize("wire", adapters())
def test_declarations_use_known_names(wire):
    assert adapters()[wire].unsupported <= PARAMETERS.keys()

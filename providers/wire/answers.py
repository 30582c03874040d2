"""What does an OpenAI-shaped whole answer say? Its bytes as they came where they are right, repaired where not."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from providers.chat import Answer
from providers.errors import BadUpstreamResponse
from providers.wire import counts, loose, repair
from providers.wire.composing import minted_id, unix_time
from providers.wire.renaming import ModelName
from providers.wire.strict import StrictAnswer, StrictCall, StrictMessage, decode_answer
from providers.wire.whole import Whole, WholeChoice, WholeMessage


def read_answer(body: bytes, model: str) -> Answer:
    """Read a `chat.completion` and name our `model` in it; raises `ProviderError`."""
    right, answer = _read(body)
    return Answer(
        data=ModelName(model).put(right, answer.model),
        id=answer.id,
        served_model=answer.model,
        finish_reason=answer.choices[0].finish_reason,
        usage=answer.usage.tokens() if answer.usage else None,
        text_length=sum(choice.message.length for choice in answer.choices),
        marks=tuple(call.id for choice in answer.choices for call in choice.message.tool_calls or ()),
    )


def read_whole(body: bytes) -> Whole:
    """Read a `chat.completion` that came instead of a stream; raises `ProviderError`."""
    _, answer = _read(body)
    return Whole(
        id=answer.id,
        created=answer.created,
        model=answer.model,
        choices=[
            WholeChoice(index=choice.index, message=_message(choice.message), finish_reason=choice.finish_reason)
            for choice in answer.choices
        ],
        usage=answer.usage or UNSET,
    )


def _read(body: bytes) -> tuple[bytes, StrictAnswer]:
    """The bytes that are right and what they say."""
    try:
        answer = decode_answer(loose.text(body))
    except loose.MALFORMED:
        answer = None
    if answer is not None and _is_right(answer):
        return body if _is_whole(answer) else _completed(body), answer
    return _repaired(loose.loads(body))


def _is_right(answer: StrictAnswer) -> bool:
    if answer.error is not UNSET or not answer.id or not answer.choices:
        return False
    if answer.usage is not None and answer.usage.says_cached_beside:
        return False
    return all(choice.message.tool_calls is None or _are_right(choice.message.tool_calls) for choice in answer.choices)


def _are_right(calls: Sequence[StrictCall]) -> bool:
    """Whether there are tool calls, each with an id of its own: results are told apart by them."""
    return len({call.id for call in calls}) == len(calls) > 0


def _is_whole(answer: StrictAnswer) -> bool:
    return all([choice.logprobs is not UNSET and _is_told(choice.message) for choice in answer.choices])


def _is_told(message: StrictMessage) -> bool:
    return message.refusal is not UNSET and not (message.reasoning and not message.reasoning_content)


def _completed(body: bytes) -> bytes:
    """A right answer with the nulls that OpenAI's clients expect, which most servers but OpenAI's leave out, and with
    its reasoning by the one name that a caller of `auto` reads."""
    answer = msgspec.json.decode(body)
    for choice in answer["choices"]:
        choice.setdefault("logprobs", None)
        choice["message"] = {"refusal": None} | repair.with_reasoning(choice["message"])
    return msgspec.json.encode(answer)


def _repaired(payload: Any) -> tuple[bytes, StrictAnswer]:
    fixed = repair.answer(payload)
    fixed["id"] = fixed["id"] or minted_id()
    fixed["created"] = fixed["created"] or unix_time()
    usage = counts.usable(fixed.pop("usage", None))
    body = msgspec.json.encode(fixed if usage is None else fixed | {"usage": usage})
    try:
        return body, decode_answer(body)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"the answer is not a chat completion: {exc}") from exc


def _message(message: StrictMessage) -> WholeMessage:
    calls = [
        {"id": call.id, "type": "function", "function": msgspec.structs.asdict(call.function)}
        for call in message.tool_calls or ()
        if call.function is not None
    ]
    return WholeMessage(
        content=message.content,
        refusal=None if message.refusal is UNSET else message.refusal,
        reasoning_content=message.reasoning_content or message.reasoning or UNSET,
        tool_calls=calls or UNSET,
    )

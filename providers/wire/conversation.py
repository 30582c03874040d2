"""What of a conversation does an upstream of OpenAI's form take? Roles, ids of calls and fields that not all know.

A conversation comes as the client keeps it, from whoever answered before: often another vendor.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Final

import msgspec
from msgspec import Raw

from providers.chat import ChatRequest, Message
from providers.habits import Habits, IdForm

DEVELOPER, SYSTEM, ASSISTANT = Raw(b'"developer"'), Raw(b'"system"'), Raw(b'"assistant"')
USER, TOOL = Raw(b'"user"'), Raw(b'"tool"')
NOTHING: Final = (Raw(b"null"), Raw(b"[]"))
SPELLED: Final = bytes(DEVELOPER)
BRIDGE: Final = {"role": ASSISTANT, "content": Raw(b'"Done."')}
BRIDGED: Final = "an assistant's turn added between a tool's result and the user's words"

Said = dict[str, Raw]
_said: Final = msgspec.json.Decoder(list[Said]).decode
_id: Final = msgspec.json.Decoder(str | None).decode


def taken(messages: Raw, request: ChatRequest, habits: Habits, warnings: list[str]) -> Raw:
    """The same conversation as this upstream takes it: its bytes where nothing is to be altered."""
    talk, form = request.body.messages, habits.call_ids
    renames = not habits.newer_names and SPELLED in request.raw
    leaves_out = bool(habits.refused) and any(message.role == "assistant" for message in talk)
    bridges = habits.answers_tools and any(a.role == "tool" and b.role == "user" for a, b in pairwise(talk))
    said = _said(messages) if renames or leaves_out or bridges else None
    if form is not None and any(_is_unfit(message, form) for message in talk):
        said = [_with_ids(message, form) for message in said or _said(messages)]
    if said is None:
        return messages
    if renames:
        said = [message | {"role": SYSTEM} if message.get("role") == DEVELOPER else message for message in said]
    if leaves_out:
        said = [_known(message, habits.refused, warnings) for message in said]
    return Raw(msgspec.json.encode(list(_bridged(said, warnings)) if bridges else said))


def _is_unfit(message: Message, form: IdForm) -> bool:
    """Whether a message has an id of another form, or an empty list of calls, which is refused like one."""
    ids = [message.tool_call_id, *(call.id for call in message.tool_calls or ())]
    return message.tool_calls == [] or any(given and not form.taken.fullmatch(given) for given in ids)


def _known(message: Said, refused: frozenset[str], warnings: list[str]) -> Said:
    """A message without fields that are refused, and without those that say nothing."""
    kept = {name: value for name, value in message.items() if name == "content" or value not in NOTHING}
    for name in sorted(kept.keys() & refused):
        del kept[name]
        if (note := f"{name} dropped") not in warnings:
            warnings.append(note)
    return kept


def _with_ids(message: Said, form: IdForm) -> Said:
    """A message whose calls have ids of the form; a call and its result keep the same."""
    fitted = dict(message)
    if "tool_call_id" in message:
        fitted["tool_call_id"] = _fitted_id(message["tool_call_id"], form)
    calls = message.get("tool_calls")
    if calls in NOTHING:
        del fitted["tool_calls"]
    elif calls is not None:
        named = [call | {"id": _fitted_id(call["id"], form)} if "id" in call else call for call in _said(calls)]
        fitted["tool_calls"] = Raw(msgspec.json.encode(named))
    return fitted


def _fitted_id(raw: Raw, form: IdForm) -> Raw:
    given = _id(raw)
    if given is None or form.taken.fullmatch(given):
        return raw
    return Raw(msgspec.json.encode(sha256(given.encode()).hexdigest()[: form.length]))


def _bridged(said: list[Said], warnings: list[str]) -> Iterator[Said]:
    """The messages with a model's turn wherever a user speaks right behind a tool."""
    role = None
    for message in said:
        if role == TOOL and message.get("role") == USER:
            if BRIDGED not in warnings:
                warnings.append(BRIDGED)
            yield BRIDGE
        role = message.get("role")
        yield message

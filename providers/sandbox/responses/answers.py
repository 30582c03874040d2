"""How an exchange is written as a response object and its output items."""

from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.prompts import ToolUse
from providers.sandbox.replies import Exchange, Reply, Usage
from providers.sandbox.responses.kept import Item, Kept

SEALED: Final = "reasoning.encrypted_content"
CUT_SHORT: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


def output(exchange: Exchange, kept: Kept) -> list[Item]:
    """The items of the answer: what was thought, what is said, and what is called."""
    reply = exchange.replies[0]
    items: list[Item] = []
    if reply.thoughts:
        items.append(_reasoning(exchange, reply, kept))
    if reply.pieces or not (reply.tool_uses or reply.thoughts):
        items.append(_message(exchange, reply))
    return items + [_call(use, f"fc_{exchange.id}{at:02x}") for at, use in enumerate(reply.tool_uses)]


def response(exchange: Exchange, items: list[Item], status: str, **fields: Any) -> dict[str, Any]:
    """The response object: it repeats what was asked for, and says what OpenAI chose where the caller was silent."""
    body = exchange.prompt.body
    answer = {
        "id": f"resp_{exchange.id}",
        "object": "response",
        "created_at": exchange.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": exchange.model,
        "output": items,
    }
    return answer | _repeated(body) | fields


def ended(exchange: Exchange, items: list[Item]) -> dict[str, Any]:
    """The response as it stands at the end: completed, or incomplete and why."""
    why = CUT_SHORT.get(exchange.replies[0].finish)
    usage = usage_of(exchange.usage)
    if why is None:
        return response(exchange, items, "completed", completed_at=exchange.created, usage=usage)
    return response(exchange, items, "incomplete", incomplete_details={"reason": why}, usage=usage)


def usage_of(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
    }


def _repeated(body: Mapping[str, Any]) -> dict[str, Any]:
    text, reasoning = body.get("text") or {}, body.get("reasoning") or {}
    form = text.get("format") or {"type": "text"}
    return {
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": 1.0 if body.get("temperature") is None else body["temperature"],
        "text": {"format": _format(form), "verbosity": text.get("verbosity") or "medium"},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [_tool(tool) for tool in body.get("tools") or []],
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": 1.0 if body.get("top_p") is None else body["top_p"],
        "truncation": body.get("truncation") or "disabled",
    }


def _format(form: Mapping[str, Any]) -> dict[str, Any]:
    return {"strict": True, **form} if form["type"] == "json_schema" else dict(form)


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool["type"] != "function":
        return dict(tool)
    return {"description": None, "parameters": {}, "strict": True, **tool}


def _reasoning(exchange: Exchange, reply: Reply, kept: Kept) -> Item:
    """Reasoning, with its summary and its sealed content where the caller asked for them."""
    body = exchange.prompt.body
    thought = "".join(reply.thoughts)
    item: Item = {"id": f"rs_{exchange.id}", "type": "reasoning", "summary": []}
    if (body.get("reasoning") or {}).get("summary"):
        item["summary"] = [{"type": "summary_text", "text": thought}]
    if SEALED in (body.get("include") or ()):
        item["encrypted_content"] = kept.seal(exchange.model, thought)
    return item


def _message(exchange: Exchange, reply: Reply) -> Item:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": reply.text}
    status = "incomplete" if reply.finish in CUT_SHORT else "completed"
    item = {"id": f"msg_{exchange.id}", "type": "message", "status": status}
    return item | {"content": [part], "role": "assistant"}


def _call(use: ToolUse, item_id: str) -> Item:
    item = {"id": item_id, "type": "function_call", "status": "completed", "arguments": use.arguments_text}
    return item | {"call_id": use.id, "name": use.name}

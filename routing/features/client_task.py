"""Is this a chore that a front end sends on the side, rather than what its user asked?

Recognised by the words with which the front ends' own templates begin or which no user writes. What an operator has
reworded is not recognised: better a chore taken for a question than a question taken for a chore.

Open WebUI: backend/open_webui/config.py; LibreChat: @librechat/agents; LobeChat: chainSummaryTitle; Claude Code: its
prompts as published by those who watched it.
"""

from typing import Final

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

HEADING: Final = "### task:"
# What follows the heading in Open WebUI's templates.
OPEN_WEBUI: Final = (
    ("generate a concise, 3-5 word title", "title"),
    ("generate 1-3 broad tags", "tags"),
    ("suggest 3-5 relevant follow-up questions", "follow_up"),
    ("analyze the chat history to determine the necessity of generating search queries", "query"),
    ("you are an autocompletion system", "autocomplete"),
    ("generate a detailed prompt for a", "image_prompt"),  # "for am image generation task", as it stands there
)
BEGINNINGS: Final = (
    ("your task is to reflect the speaker's likely facial expression through a fitting emoji", "emoji"),  # Open WebUI
    ("provide a concise, 5-word-or-less title for the conversation", "title"),  # LibreChat
    ("analyze this conversation and provide:\n1. the detected language", "title"),  # LibreChat
    ("please generate a concise title (max 40 characters) for a conversation", "title"),  # LibreChat's assistants
    ("please write a 5-10 word title for the following conversation", "title"),  # Claude Code
    ("your task is to create a detailed summary of the conversation so far", "summary"),  # Claude Code
)
STARTS: Final = (HEADING, *(words for words, _ in BEGINNINGS))
# What stands in the system texts of side calls, Claude Code's where nothing else is said.
SYSTEM: Final = (
    ("analyze if this message indicates a new conversation topic", "title"),
    ("summarize this coding conversation", "title"),
    ("you are a helpful ai assistant tasked with summarizing conversations", "summary"),
    ("your task is to process bash commands that an ai coding agent wants to run", "background"),
    ("extract any file paths that this command", "background"),
    ("you are an assistant for performing a web search tool use", "background"),
    ("generate a concise, sentence-case title", "title"),
    ("you are a title generator. you output only a thread title", "title"),  # OpenCode
    ("you are a professional conversation summarizer. generate a concise title", "title"),  # LobeChat
    ("你是一名擅长会话的助理，你需要将用户的会话总结为 10 个字以内的标题", "title"),  # LobeChat before, Cherry Studio
)
SYSTEM_STARTS: Final = (  # of the whole text: nobody else's is searched
    *("x-anthropic-billing-header", "You are Claude Code", "Analyze if this message", "Summarize this coding"),
    *("You are a helpful AI assistant tasked", "Your task is to process", "Extract any file paths"),
    *("You are an assistant for performing", "Generate a concise, sentence-case", "You are a title generator"),
    *("You are a professional conversation", "你是一名擅长会话的助理"),
)
CLAUDE_CODE: Final = "you are claude code"
QUOTA_CHECK: Final = "quota"
TASKS: Final = (
    *("title", "tags", "follow_up", "query", "autocomplete", "emoji", "image_prompt"),
    *("summary", "quota_check", "background"),
)


class ClientTask(Feature):
    """One of `TASKS`, None for everything else."""

    name = "client_task"

    def find(self, body: ChatBody, reading: Reading) -> str | None:
        lowered = reading.lowered
        if lowered.startswith(STARTS) and (task := _of_question(lowered)):
            return task
        if body.max_output == 1 and lowered == QUOTA_CHECK:
            return "quota_check"
        return _of_system(body.model, reading.system) if reading.system.startswith(SYSTEM_STARTS) else None


def _of_question(lowered: str) -> str | None:
    """By how the last message of the user begins."""
    if lowered.startswith(HEADING):
        return _first(lowered[len(HEADING) :].lstrip(), OPEN_WEBUI)
    return _first(lowered, BEGINNINGS)


def _of_system(model: str, system: str) -> str | None:
    """By all that the system text says; what Claude Code asks of a small model is never what its user waits for."""
    lowered = system.lower()
    for words, task in SYSTEM:
        if words in lowered:
            return task
    return "background" if CLAUDE_CODE in lowered and "haiku" in model else None


def _first(text: str, beginnings: tuple[tuple[str, str], ...]) -> str | None:
    return next((task for words, task in beginnings if text.startswith(words)), None)

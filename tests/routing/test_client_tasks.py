"""Chores that front ends send on the side: recognised by their templates' own words, and routed where a policy says."""

import json

import pytest
from msgspec import structs

from providers.chat import ChatBody
from routing.decisions import told
from routing.features.client_task import TASKS
from routing.policies.base import PolicySpec
from tenants.callers import Scope

from .factories import BALANCED, CALLER, CHEAP, Desk, asked, parse, target

WEBUI = "### Task:\n{}\n\n### Guidelines:\n- Be brief.\n\n### Chat History:\n<chat_history>\nUSER: Hi\n</chat_history>"
CLAUDE_CODE = "You are Claude Code, Anthropic's official CLI for Claude."
SMALL = target("a/small", 1, usd=(0.1, 0.4), quality=0.3)
LARGE = target("b/large", 2, usd=(5, 15), quality=0.9)
BEST = PolicySpec("best-quality", "weighted", (("quality", 100.0),), client_tasks=(("*", "cheap"),))
TITLE = WEBUI.format("Generate a concise, 3-5 word title with an emoji summarizing the chat history.")


def task_of(content="Hi", system=None, **fields):
    messages = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": content}]
    return parse(json.dumps({"model": "auto", "messages": messages, **fields}).encode()).features["client_task"]


@pytest.mark.parametrize(
    ("words", "task"),
    [
        ("Generate a concise, 3-5 word title with an emoji summarizing the chat history.", "title"),
        ("Generate 1-3 broad tags categorizing the main themes of the chat history, along with", "tags"),
        ("Suggest 3-5 relevant follow-up questions or prompts that the user might naturally ask", "follow_up"),
        ("Analyze the chat history to determine the necessity of generating search queries, in the", "query"),
        ("You are an autocompletion system. Continue the text in `<text>` based on the", "autocomplete"),
        ("Generate a detailed prompt for am image generation task based on the given language", "image_prompt"),
    ],
)
def test_open_webuis_templates(words, task):
    assert task_of(WEBUI.format(words)) == task


@pytest.mark.parametrize(
    ("content", "task"),
    [
        ("Your task is to reflect the speaker's likely facial expression through a fitting emoji. Interpret", "emoji"),
        ("Provide a concise, 5-word-or-less title for the conversation, using title case conventions.", "title"),
        ("Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A", "title"),
        ("Please write a 5-10 word title for the following conversation:", "title"),
        ("Your task is to create a detailed summary of the conversation so far, paying close", "summary"),
    ],
)
def test_templates_of_others(content, task):
    assert task_of(content) == task


@pytest.mark.parametrize(
    ("system", "fields", "task"),
    [
        ("Analyze if this message indicates a new conversation topic. If it does, extract a 2-3", {}, "title"),
        ("Summarize this coding conversation in under 50 characters.", {}, "title"),
        (f"{CLAUDE_CODE}\nYou are a helpful AI assistant tasked with summarizing conversations.", {}, "summary"),
        ("Your task is to process Bash commands that an AI coding agent wants to run.", {}, "background"),
        ("x-anthropic-billing-header: cc\nGenerate a concise, sentence-case title (3-7 words)", {}, "title"),
        (CLAUDE_CODE, {"model": "claude-haiku-4-5"}, "background"),
        (CLAUDE_CODE, {"model": "claude-sonnet-4-5"}, None),
    ],
)
def test_claude_codes_side_calls(system, fields, task):
    assert task_of("anything", system, **fields) == task


@pytest.mark.parametrize(
    "system",
    [
        "You are a professional conversation summarizer. Generate a concise title that captures the essence",
        "你是一名擅长会话的助理，你需要将用户的会话总结为 10 个字以内的标题，不要使用标点符号",
        "You are a title generator. You output ONLY a thread title. Nothing else.",
    ],
)
def test_titles_of_lobechat_cherry_studio_and_opencode(system):
    assert task_of("user: Hi\nassistant: Hello", system) == "title"


def test_the_quota_check_is_the_one_word_and_one_token():
    assert task_of("quota", max_tokens=1) == "quota_check"
    said = {"model": "auto", "max_tokens": 1, "messages": [{"role": "user", "content": "quota"}]}
    sent = parse(json.dumps(said).encode(), surface="messages")
    assert sent.features["client_task"] == "quota_check", "as Claude Code sends it"
    assert task_of("quota") is None and task_of("What is a quota?", max_tokens=1) is None


@pytest.mark.parametrize(
    "content",
    [
        "Hi",
        "Generate a concise, 3-5 word title for my essay",
        "### Task:\nWrite a poem about the sea",
        "What does '### Task: Generate 1-3 broad tags' mean in Open WebUI?",
        "Please summarize this coding conversation for me",
        "",
    ],
)
def test_questions_of_people_are_no_chores(content):
    assert task_of(content, "You are a helpful assistant.") is None


def test_a_policy_sends_chores_to_another_and_the_decision_says_so():
    desk = Desk(SMALL, LARGE, policies=(BALANCED, CHEAP, BEST))
    assert desk.order(asked("Prove it", model="auto:best"))[0] == "b/large"
    assert desk.order(asked(TITLE, model="auto:best"))[0] == "a/small"
    plan = desk.planner.plan(asked(TITLE, model="auto:best"), CALLER)
    decision = json.loads(bytes(plan.decision))
    assert (decision["policy"], decision["instead_of"]) == ("cost-optimized", "best-quality")
    assert decision["class"]["client_task"] == "title"
    assert plan.why.endswith("cost-optimized in place of best-quality")


def test_the_record_and_nobody_else_names_a_policy_that_the_keys_scope_leaves_out():
    desk = Desk(SMALL, LARGE, policies=(BALANCED, CHEAP, BEST))
    plan = desk.planner.plan(asked(TITLE, model="auto:best"), structs.replace(CALLER, scope=Scope(policies=("best",))))
    record, heard = json.loads(bytes(plan.decision)), told(plan.decision)
    led = {"policy": "cost-optimized", "led_to_by": "client task title", "rule": "key scope"}
    assert (record["policy"], record["policies_outside"]) == ("best-quality", [led])
    assert isinstance(heard, dict) and heard["policies_outside"] == []
    assert plan.warnings == ("client task title: its policy is outside this key's scope, best-quality stays",)


def test_a_model_by_its_name_is_that_model_for_chores_too():
    desk = Desk(SMALL, LARGE, policies=(BEST, CHEAP, BALANCED))
    assert desk.order(asked(TITLE, model="large", neuroroute={"policy": "best"})) == ["b/large"]
    plan = desk.planner.plan(asked(TITLE, model="large", neuroroute={"policy": "best"}), CALLER)
    assert plan.policy.name == "best-quality"


def test_a_task_goes_before_every_task_and_a_missing_policy_changes_nothing():
    named = PolicySpec("mine", "weighted", (("quality", 1.0),), client_tasks=(("*", "cheap"), ("title", "gone")))
    desk = Desk(SMALL, LARGE, policies=(BALANCED, CHEAP, named))
    assert desk.order(asked(TITLE, model="auto:mine"))[0] == "b/large"
    tags = WEBUI.format("Generate 1-3 broad tags categorizing the main themes")
    assert desk.order(asked(tags, model="auto:mine"))[0] == "a/small"


def test_every_task_that_is_found_is_a_known_one():
    assert task_of(TITLE) in TASKS and task_of("quota", max_tokens=1) in TASKS
    assert "client_task" not in ChatBody.__struct_fields__

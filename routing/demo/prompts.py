"""What do the applications of the sample traffic say? Short texts of several kinds, for routing to tell apart."""

from typing import Any, Final

QUESTIONS: Final = (
    "What is the capital of France?",
    "Which city is the capital of Japan, and how many people live there?",
    "What is {a} * {b} + {n}?",
    "A train leaves at 9:{a} and takes {b} minutes. When does it arrive? Think step by step.",
    "Write a Python function that merges two sorted lists and returns the median of the result.",
    "Why does this raise a KeyError? ```python\nfor k in d: del d[k]\n``` Order {n}.",
    "Refactor this SQL to use a window function: SELECT id, (SELECT max(at) FROM logs l WHERE l.id = t.id) FROM t;",
    "Translate to German: The parcel with the number {n} arrives on Tuesday.",
    "Write a short poem about a lighthouse in the fog.",
    "Invent a name and a slogan for a bakery that opens at {b} past midnight.",
    "Say in one sentence what a load balancer does.",
    "Compare optimistic and pessimistic locking. Which fits a booking system with {a} users, and why?",
    "My order {n} has not arrived. What can I do?",
    "How do I change the delivery address of order {n}?",
    "Count from 1 to {b}.",
    "Prove that the sum of the first {b} odd numbers is a square.",
)
CHORES: Final = (
    "Summarize the following ticket in two sentences: the customer {n} asked {a} days ago for a refund of {b} euros.",
    "Extract name, city and order number as JSON: Ms Ito from Osaka wrote about order {n}.",
    "Classify the sentiment of this review as positive, neutral or negative: took {b} days, dented box, works fine.",
)
BACKGROUND: Final = "You answer for a shop. " + " ".join(
    f"Rule {number}: goods of group {number} go back within {14 + number} days, in their box, with the receipt."
    for number in range(1, 41)
)
TOOLS: Final[dict[str, Any]] = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "find_order",
                "description": "Find an order by its number.",
                "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
            },
        }
    ]
}
SCHEMA: Final[dict[str, Any]] = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "order",
            "schema": {
                "type": "object",
                "properties": {"number": {"type": "integer"}, "city": {"type": "string"}},
                "required": ["number", "city"],
                "additionalProperties": False,
            },
        },
    }
}

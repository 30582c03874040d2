"""Does OpenAI's client for Node work? Chat, stream, tools, the Responses API, embeddings, errors."""

from pathlib import Path

from tests.clients.support.node import run

VERSION = "6.49.0"

if __name__ == "__main__":
    run(Path(__file__).with_suffix(".mjs"), "openai-node", VERSION, f"openai@{VERSION}")

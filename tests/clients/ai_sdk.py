"""Does the Vercel AI SDK work? Text, stream, tools in several steps, structured output, embeddings, a cut stream."""

from pathlib import Path

from tests.clients.support.node import run

AI, COMPATIBLE = "6.0.326", "2.0.87"

if __name__ == "__main__":
    packages = (f"ai@{AI}", f"@ai-sdk/openai-compatible@{COMPATIBLE}")
    run(Path(__file__).with_suffix(".mjs"), "ai-sdk", f"ai {AI}, openai-compatible {COMPATIBLE}", *packages)

#!/usr/bin/env python3
"""How many chunks per second does each adapter translate, and what does one cost?

    bench/adapters.py [--chunks 2000] [--rounds 5]

One core, no network: the bytes that the sandbox of each wire writes for a stream, read in pieces of 16 kB as from a
socket; the best of the rounds counts. A chunk is what one event of the upstream's stream becomes.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from providers.adapters import adapters  # noqa: E402
from providers.sandbox.replies import Reply, Usage  # noqa: E402
from providers.sandbox.wires import wire_names  # noqa: E402
from tests.adapters.examples import chat, target  # noqa: E402
from tests.adapters.stories import streamed_by_upstream, whole_by_upstream  # noqa: E402

PIECE = 16 * 1024
NANO = 1_000_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    reply = Reply(tuple(f" word{n}" for n in range(given.chunks)))
    print("| adapter | form | chunks/s | CPU per chunk | whole answer |\n|---|---|---|---|---|")
    for name in adapters():
        if name in wire_names():
            form = "the same" if name == "openai" else "translated"
            seconds, chunks = min(streamed(name, reply) for _ in range(given.rounds))
            whole = min(answered(name, reply) for _ in range(given.rounds))
            cost = f"{seconds / chunks * 1e6:.2f} us"
            print(f"| {name} | {form} | {chunks / seconds:,.0f} | {cost} | {whole * 1e6:,.0f} us |")


def streamed(name: str, reply: Reply) -> tuple[float, int]:
    """CPU seconds of one stream, and its chunks."""
    body = streamed_by_upstream(name, reply, Usage(100, len(reply.pieces)))
    decoder = adapters()[name].decoder(chat(stream=True), target(name))
    began, chunks = time.process_time_ns(), 0
    for at in range(0, len(body), PIECE):
        chunks += len(decoder.feed(body[at : at + PIECE]))
    chunks += 0 if decoder.done else len(decoder.finish())
    return (time.process_time_ns() - began) / NANO, chunks


def answered(name: str, reply: Reply) -> float:
    """CPU seconds of one whole answer of as many words."""
    body = whole_by_upstream(name, reply, Usage(100, len(reply.pieces)))
    began = time.process_time_ns()
    adapters()[name].answer(body, chat(), target(name))
    return (time.process_time_ns() - began) / NANO


if __name__ == "__main__":
    main()

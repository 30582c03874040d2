#!/usr/bin/env python3
"""A canned upstream of OpenAI's wire that costs next to nothing: `bench/upstream.py PORT`.

A whole answer comes at once; a stream has 20 chunks, one every 5 ms.
"""

import asyncio
import json
import sys

import uvloop

CHUNKS, PAUSE_S = 20, 0.005
BASE = {"id": "chatcmpl-1", "created": 1763600000, "model": "bench"}
USAGE = {"prompt_tokens": 24, "completion_tokens": CHUNKS, "total_tokens": 24 + CHUNKS}


def event(delta: dict[str, str], **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None} | more
    data = json.dumps(BASE | {"object": "chat.completion.chunk", "choices": [choice]})
    return framed(f"data: {data}\n\n".encode())


def framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


MESSAGE = {"role": "assistant", "content": "A canned answer of modest length."}
WHOLE = json.dumps(
    BASE
    | {"object": "chat.completion", "usage": USAGE}
    | {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}]}
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(WHOLE), WHOLE)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = json.dumps(BASE | {"object": "chat.completion.chunk", "choices": [], "usage": USAGE})
END = event({}, finish_reason="stop") + framed(f"data: {LAST}\n\ndata: [DONE]\n\n".encode()) + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection: a request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not found or len(body) < int(length or 0):
            return
        self.data = b""
        if b'"stream":true' in body.replace(b" ", b""):
            self.transport.write(HEAD + event({"role": "assistant", "content": ""}))
            self.stream(CHUNKS)
        else:
            self.transport.write(ANSWER)

    def stream(self, left: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(event({"content": f" token{left}"}) if left else END)
        if left:
            asyncio.get_running_loop().call_later(PAUSE_S, self.stream, left - 1)


async def main() -> None:
    port, host = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
    server = await asyncio.get_running_loop().create_server(Upstream, host, port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())

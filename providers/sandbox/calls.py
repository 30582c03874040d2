"""What the sandbox received: every call with its body, when it ended, and whether the client left early."""

import time
from collections import deque
from typing import Any, Final

import msgspec

KEPT: Final = 1000


class Call:
    """One received request, filled in while it is answered."""

    def __init__(self, number: int, method: str, path: str, query: str, headers: dict[str, str], raw: bytes) -> None:
        self.number, self.method, self.path, self.query = number, method, path, query
        self.headers = headers
        self.raw = raw
        self.served_before = 0  # calls on the same connection
        self.fault: str | None = None
        self.status: int | None = None  # None: no headers were sent
        self.chunks = 0  # pieces of body that were sent
        self.left_early = False
        self.started_at = time.time()
        self.ended_at: float | None = None

    def row(self) -> dict[str, Any]:
        """The call as JSON shows it: `body` is the parsed JSON, `raw` the text."""
        fields = {name: value for name, value in vars(self).items() if name != "raw"}
        return fields | {"raw": self.raw.decode("utf-8", "replace"), "body": _json(self.raw)}


class CallLog:
    """The last thousand calls."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._number = 0

    def open(self, method: str, path: str, query: str, headers: dict[str, str], raw: bytes) -> Call:
        self._number += 1
        call = Call(self._number, method, path, query, headers, raw)
        self._calls.append(call)
        return call

    def close(self, call: Call) -> None:
        call.ended_at = time.time()

    def clear(self) -> None:
        self._calls.clear()

    def rows(self, model: str | None = None) -> list[dict[str, Any]]:
        """The calls, of one model where it is given."""
        rows = (call.row() for call in self._calls if model is None or model.encode() in call.raw)
        return [row for row in rows if model is None or row["body"].get("model") == model]

    @property
    def running_chats(self) -> int:
        """How many of the calls that run wait for a model."""
        return sum(call.ended_at is None and call.method == "POST" for call in self._calls)

    @property
    def running(self) -> bool:
        return any(call.ended_at is None for call in self._calls)


def _json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw) if raw else None
    except msgspec.DecodeError:
        return None

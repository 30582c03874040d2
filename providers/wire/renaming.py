"""How does an answer get our model's name? By its bytes where they show the name, else by writing it anew."""

import msgspec
from msgspec import Raw

KEYS = (b'"model":', b'"model": ')


class ModelName:
    """Puts `ours` where the upstream wrote its own name. Inside a JSON string no quote stands without a backslash, so
    that the bytes `"model":"x"` cannot be text."""

    __slots__ = ("_ours", "_patterns", "_served")

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._served: str | None = None
        self._patterns: list[tuple[bytes, bytes]] = []

    def put(self, payload: bytes, served: str) -> bytes:
        """The same JSON object, naming our model; `served` is its decoded `model`."""
        if served == self._ours:
            return payload
        if served != self._served:
            self._learn(served)
        for theirs, ours in self._patterns:
            if theirs in payload:
                return payload.replace(theirs, ours)
        return self._rewritten(payload)

    def _learn(self, served: str) -> None:
        self._served = served
        old, new = msgspec.json.encode(served), msgspec.json.encode(self._ours)
        self._patterns = [(key + old, key + new) for key in KEYS]

    def _rewritten(self, payload: bytes) -> bytes:
        fields = msgspec.json.decode(payload, type=dict[str, Raw])
        return msgspec.json.encode(fields | {"model": Raw(msgspec.json.encode(self._ours))})

"""How does an answer get our model's name? By its bytes where they show the name, else by writing it anew."""

import msgspec
from msgspec import Raw

KEYS = (b'"model":', b'"model": ')


class ModelName:
    """Puts `ours` where the upstream wrote its own name. Inside a JSON string no quote stands without a backslash, so
    that the bytes `"model":"x"` cannot be text."""

    __slots__ = ("_new", "_old", "_ours", "_served")

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._served = ours
        self._old = self._new = b""

    def put(self, payload: bytes, served: str) -> bytes:
        """The same JSON object, naming our model; `served` is its decoded `model`."""
        if served == self._ours:
            return payload
        if served == self._served:
            renamed = payload.replace(self._old, self._new)
            if renamed != payload:
                return renamed
        self._learn(payload, served)
        renamed = payload.replace(self._old, self._new)
        return renamed if renamed != payload else self._rewritten(payload)

    def _learn(self, payload: bytes, served: str) -> None:
        """See how this upstream writes its name: with a space behind the colon or without."""
        key = next((key for key in KEYS if key + msgspec.json.encode(served) in payload), KEYS[0])
        self._served = served
        self._old, self._new = key + msgspec.json.encode(served), key + msgspec.json.encode(self._ours)

    def _rewritten(self, payload: bytes) -> bytes:
        fields = msgspec.json.decode(payload, type=dict[str, Raw])
        return msgspec.json.encode(fields | {"model": Raw(msgspec.json.encode(self._ours))})

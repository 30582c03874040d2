"""How Gemini signs its thoughts, and which signatures it wants to see again."""

import base64
import hashlib
from collections import OrderedDict
from typing import Any, Final

import msgspec

from providers.sandbox.gemini.fields import data
from providers.sandbox.prompts import ToolUse
from providers.sandbox.replies import invalid

KEPT: Final = 4096
STRICT: Final = ("gemini-3", "sandbox-gemini-pro")  # beginnings of names: every turn's first call must be signed
LAX: Final = ("gemini-2", "sandbox-gemini-flash")  # older ones give calls no ids and miss no signature
# What Google names for calls that no Gemini made, instead of a signature:
# https://ai.google.dev/gemini-api/docs/thought-signatures
STAND_INS: Final = (b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go")


class Signatures:
    """Signs calls and texts for a model; remembers which calls it signed."""

    def __init__(self) -> None:
        self._signed: OrderedDict[str, None] = OrderedDict()

    def of_text(self, model: str) -> str:
        """The signature of a text, which any text of the model may carry."""
        return _seal(model, b"")

    def of_use(self, model: str, use: ToolUse) -> str:
        """Sign a call, and want the signature back with it from now on."""
        signature = _seal(model, _bytes_of(use.name, use.arguments))
        self._signed[f"{signature} {use.id}"] = None
        if len(self._signed) > KEPT:
            self._signed.popitem(last=False)
        return signature

    def check_text(self, model: str, signature: Any) -> None:
        """Raise `Trouble` where a text's signature is not this model's."""
        if signature is not None:
            _refuse_other(signature, self.of_text(model))

    def check_use(self, model: str, use: ToolUse, signature: Any, *, current: bool, leads: bool) -> None:
        """Raise `Trouble` where a call's signature is wrong, or missing in the current turn.

        `leads` says that it is the first call of its content: the calls beside it are not signed.
        """
        expected = _seal(model, _bytes_of(use.name, use.arguments))
        if signature is not None:
            _refuse_other(signature, expected)
        elif current and not model.startswith(LAX):
            signed = f"{expected} {use.id}" in self._signed
            if signed or (leads and model.startswith(STRICT)):
                raise invalid(f"Function call `default_api:{use.name}` is missing a thought_signature in its part.")


def _seal(model: str, sealed: bytes) -> str:
    digest = hashlib.blake2b(sealed, key=model.encode()[:64], digest_size=24).digest()
    return base64.b64encode(b"sandbox:" + digest).decode()


def _bytes_of(name: str, arguments: Any) -> bytes:
    return msgspec.json.encode([name, arguments], order="sorted")


def _refuse_other(signature: Any, expected: str) -> None:
    """Raise `Trouble` unless the signature is the expected one, or a stand-in as text or as its bytes in base64."""
    if str(signature).encode() in STAND_INS:
        return
    if data(signature, "thought_signature") not in (*STAND_INS, base64.b64decode(expected)):
        raise invalid("Corrupted thought signature.")

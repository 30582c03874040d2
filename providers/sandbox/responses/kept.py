"""What the server keeps of stored responses, and the seals by which it knows its own reasoning again."""

import base64
import binascii
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from providers.sandbox.replies import Trouble, invalid

Item = dict[str, Any]
MOST: Final = 1000
PREFIX: Final = "gAAAAA"  # as encrypted content of OpenAI begins
MAC_BYTES: Final = 16
SHOWN: Final = 4  # characters at either end that an error quotes


class Kept:
    """The last thousand stored responses: each with all items that led to it and those that it answered."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, list[Item]] = OrderedDict()
        self._secret = secrets.token_bytes(32)  # another server's seals do not open here

    def keep(self, response_id: str, items: Iterable[Item]) -> None:
        self._items[response_id] = list(items)
        if len(self._items) > MOST:
            self._items.popitem(last=False)

    def before(self, response_id: str | None) -> list[Item]:
        """All items up to that response's end; raises `Trouble` where it is not kept."""
        if response_id is None:
            return []
        if response_id not in self._items:
            message = f"Previous response with id '{response_id}' not found."
            raise invalid(message, "previous_response_id", "previous_response_not_found")
        return self._items[response_id]

    def item(self, item_id: str) -> Item:
        """A stored item by its own id; raises `Trouble`."""
        for items in reversed(self._items.values()):
            for item in items:
                if item.get("id") == item_id:
                    return item
        message = (
            f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false. "
            "Try again with `store` set to true, or remove this item from your input."
        )
        raise Trouble("invalid", message, status=404, param="input")

    def seal(self, model: str, thought: str) -> str:
        """The thought as encrypted content: bound to this server and to the model."""
        data = thought.encode()
        return PREFIX + base64.urlsafe_b64encode(self._mac(model, data) + data).decode()

    def check(self, model: str, sealed: str) -> None:
        """Raise `Trouble` unless this server sealed it for that model."""
        try:
            data = base64.urlsafe_b64decode(sealed.removeprefix(PREFIX))
        except (binascii.Error, ValueError):
            data = b""
        if data[:MAC_BYTES] != self._mac(model, data[MAC_BYTES:]):
            message = f"The encrypted content {sealed[:SHOWN]}...{sealed[-SHOWN:]} could not be verified."
            reason = "Reason: Encrypted content could not be decrypted or parsed."
            raise invalid(f"{message} {reason}", None, "invalid_encrypted_content")

    def _mac(self, model: str, data: bytes) -> bytes:
        return hashlib.blake2b(model.encode() + b"\0" + data, key=self._secret, digest_size=MAC_BYTES).digest()

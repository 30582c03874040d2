"""How secrets are kept at rest: sealed with Fernet under keys that only the environment holds."""

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

SHOWN: Final = 4
SHORTEST_SHOWN: Final = 12  # of a shorter secret four characters would give too much away


class SecretUnreadable(ValueError):
    """No key of SECRETS_KEYS opens this secret."""


def seal(plain: str) -> bytes:
    """Encrypt with the first key of SECRETS_KEYS."""
    return _fernet(tuple(settings.SECRETS_KEYS)).encrypt(plain.encode())


def unseal(ciphertext: bytes | memoryview) -> str:
    """Decrypt with whichever key of SECRETS_KEYS fits; raises `SecretUnreadable` when none does."""
    try:
        return _fernet(tuple(settings.SECRETS_KEYS)).decrypt(bytes(ciphertext)).decode()
    except InvalidToken:
        raise SecretUnreadable(
            "no key of SECRETS_KEYS opens this secret: add the key that it was sealed with, or enter the secret again"
        ) from None


def last_four(plain: str) -> str:
    """What may be shown of a secret: its last four characters, nothing of a short one."""
    return plain[-SHOWN:] if len(plain) >= SHORTEST_SHOWN else ""


@lru_cache(maxsize=8)
def _fernet(keys: Sequence[str]) -> MultiFernet:
    if not keys or not all(keys):
        raise ImproperlyConfigured("SECRETS_KEYS is empty: give at least one long random text")
    return MultiFernet([Fernet(_derive(key)) for key in keys])


def _derive(key: str) -> bytes:
    """A Fernet key from a text of any length (HKDF, RFC 5869)."""
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"neuroroute secrets at rest")
    return base64.urlsafe_b64encode(hkdf.derive(key.encode()))

"""How secrets are kept at rest: sealed with Fernet under keys that only the environment holds."""

import base64
import hmac
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
FINGERPRINT: Final = 12  # hex digits: enough to tell the keys of one installation apart


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


def fingerprint(plain: str) -> str:
    """What tells two secrets apart, and a stored copy from another: 12 hex digits of HMAC-SHA256 (RFC 2104).

    The secret cannot be guessed from it, however short: trying guesses takes the HMAC's key, CLIENT_KEY_PEPPER, which
    only the environment holds. A change of SECRETS_KEYS leaves it as it is.
    """
    return hmac.digest(settings.CLIENT_KEY_PEPPER.encode(), plain.encode(), "sha256").hex()[:FINGERPRINT]


def fingerprint_of(ciphertext: bytes | memoryview) -> str | None:
    """The fingerprint of what is sealed; None where no key opens it."""
    try:
        return fingerprint(unseal(ciphertext))
    except SecretUnreadable:
        return None


def opens_to(ciphertext: bytes | memoryview, plain: str) -> bool:
    """Whether `plain` is what is sealed; an unreadable secret is nobody's."""
    try:
        return hmac.compare_digest(unseal(ciphertext).encode(), plain.encode())
    except SecretUnreadable:
        return False


@lru_cache(maxsize=8)
def _fernet(keys: Sequence[str]) -> MultiFernet:
    if not keys or not all(keys):
        raise ImproperlyConfigured("SECRETS_KEYS is empty: give at least one long random text")
    return MultiFernet([Fernet(_derive(key)) for key in keys])


def _derive(key: str) -> bytes:
    """A Fernet key from a text of any length (HKDF, RFC 5869)."""
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"neuroroute secrets at rest")
    return base64.urlsafe_b64encode(hkdf.derive(key.encode()))

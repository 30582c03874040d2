"""How a credential gets another key: in place of the old one, or beside it, which then goes on for a chosen while."""

from datetime import datetime, timedelta

from django.db import transaction

from providers.models import Credential
from providers.secrets import fingerprint_of, last_four, seal


def store(credential: Credential, plain: str) -> None:
    """Seal `plain` into an unsaved change of `credential`."""
    credential.ciphertext, credential.last_four = seal(plain), last_four(plain)


def replace(credential: Credential, plain: str) -> None:
    """The old key is gone at once; an end that was set for it does not hold for the new one."""
    store(credential, plain)
    credential.expires_at = None
    credential.save(update_fields=["ciphertext", "last_four", "expires_at"])


def rotate(credential: Credential, plain: str, overlap: timedelta, now: datetime) -> Credential:
    """Add `plain` under the name of `credential`, which ends after `overlap`; return the new one.

    The old credential is renamed after its fingerprint, so that the name stays with the key that stays.
    """
    name, ends = credential.name, now + overlap
    with transaction.atomic():
        credential.name = f"{name[:51]}~{fingerprint_of(credential.ciphertext) or credential.pk}"
        credential.expires_at = min(credential.expires_at, ends) if credential.expires_at else ends
        credential.save(update_fields=["name", "expires_at"])
        made = Credential(provider=credential.provider, name=name)
        store(made, plain)
        made.save()
    return made

"""Secrets at rest: what is sealed opens with every key of the list, and with no other."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from providers.secrets import SecretUnreadable, fingerprint, fingerprint_of, last_four, opens_to, seal, unseal

PLAIN = "sk-very-secret-éß-1234"


def test_opens_what_it_sealed(settings):
    settings.SECRETS_KEYS = ["short", "x" * 300]
    sealed = seal(PLAIN)
    assert unseal(sealed) == PLAIN
    assert unseal(memoryview(sealed)) == PLAIN
    assert b"very-secret" not in sealed


def test_a_key_put_in_front_seals_and_the_old_one_still_opens(settings):
    settings.SECRETS_KEYS = ["old"]
    before = seal(PLAIN)
    settings.SECRETS_KEYS = ["new", "old"]
    after = seal(PLAIN)
    assert unseal(before) == PLAIN
    settings.SECRETS_KEYS = ["new"]
    assert unseal(after) == PLAIN
    with pytest.raises(SecretUnreadable, match="SECRETS_KEYS"):
        unseal(before)


def test_a_changed_ciphertext_does_not_open(settings):
    settings.SECRETS_KEYS = ["key"]
    sealed = bytearray(seal(PLAIN))
    sealed[40] ^= 1
    with pytest.raises(SecretUnreadable):
        unseal(bytes(sealed))


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_says_that_a_key_is_missing(settings, keys):
    settings.SECRETS_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="SECRETS_KEYS"):
        seal(PLAIN)


def test_shows_four_characters_of_a_long_secret_and_none_of_a_short_one():
    assert last_four("sk-0123456789abcd") == "abcd"
    assert last_four("abcdefghijk") == ""


def test_a_fingerprint_outlives_the_keys_that_seal_and_an_unreadable_secret_has_none(settings):
    settings.SECRETS_KEYS = ["old"]
    sealed = seal(PLAIN)
    told = fingerprint_of(sealed)
    assert told == fingerprint(PLAIN) and len(told) == 12 and opens_to(sealed, PLAIN) and not opens_to(sealed, "other")
    settings.SECRETS_KEYS = ["new", "old"]
    assert fingerprint_of(sealed) == told
    settings.SECRETS_KEYS = ["new"]
    assert fingerprint_of(sealed) is None and not opens_to(sealed, PLAIN)

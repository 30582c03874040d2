"""Client keys: their shape, what is kept of them, how they end."""

import hashlib
import hmac

import pytest
from django.db import IntegrityError

from providers.revisions import TENANTS, numbers
from tenants.keys import LENGTH, digest, is_plausible, issue, new_key, prefix_of, revoke
from tenants.models import ClientKey, Tenant


def test_a_new_key_has_our_shape_and_is_never_the_same():
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    for key in keys:
        assert key.startswith("nr-") and len(key) == LENGTH == 49
        assert key[3:].isalnum() and is_plausible(key)


def test_every_mistyped_character_is_noticed():
    key = new_key()
    for index in range(3, LENGTH):
        other = "a" if key[index] != "a" else "b"
        assert not is_plausible(key[:index] + other + key[index + 1 :])


@pytest.mark.parametrize(
    ("plain", "plausible"), [("a" * 15, False), ("a" * 16, True), ("a" * 512, True), ("a" * 513, False), ("", False)]
)
def test_one_s_own_key_needs_only_a_length(plain, plausible):
    assert is_plausible(plain) is plausible


@pytest.mark.parametrize("pepper", ["p", "p" * 64, "pepper" * 40, "ümläut"])
def test_the_digest_is_the_standard_hmac(settings, pepper):
    settings.CLIENT_KEY_PEPPER = pepper
    key = new_key()
    assert digest(key) == hmac.new(pepper.encode(), key.encode(), hashlib.sha256).hexdigest()


def test_what_is_shown_names_a_key_and_opens_nothing():
    key, own = new_key(), "zyxwvuts-ZYXWVUTS"
    assert prefix_of(key) == key[:11]
    assert prefix_of(own).startswith("own-") and len(prefix_of(own)) == 14
    assert not any(own[i : i + 4] in prefix_of(own) for i in range(len(own) - 3))


@pytest.mark.django_db
class TestIssuing:
    @pytest.fixture
    def tenant(self):
        return Tenant.objects.create(name="team-a")

    def test_keeps_a_digest_and_never_the_key(self, tenant):
        row, plain = issue(tenant, "ci", operator=True)
        stored = ClientKey.objects.filter(pk=row.pk).values().get()
        assert stored["digest"] == digest(plain) and stored["operator"] is True
        assert not any(plain in str(value) for value in stored.values())
        assert numbers()[TENANTS] == 1

    def test_takes_one_s_own_key(self, tenant):
        _, plain = issue(tenant, "ci", value="sk-brought-0123456789")
        assert plain == "sk-brought-0123456789"

    @pytest.mark.parametrize("value", ["short", "with a space 0123456789", "ünprintable-0123456789", "x" * 513])
    def test_refuses_an_unfit_key_without_repeating_it(self, tenant, value):
        with pytest.raises(ValueError, match="a client key has") as caught:
            issue(tenant, "ci", value=value)
        assert value not in str(caught.value)

    def test_refuses_a_key_of_our_shape_with_wrong_check_characters(self, tenant):
        key = new_key()
        with pytest.raises(ValueError, match="check characters"):
            issue(tenant, "ci", value=key[:-6] + ("a" * 6 if key[-6:] != "a" * 6 else "b" * 6))

    def test_a_key_belongs_to_one_tenant_only(self, tenant):
        issue(tenant, "ci", value="sk-brought-0123456789")
        with pytest.raises(IntegrityError):
            issue(Tenant.objects.create(name="team-b"), "ci", value="sk-brought-0123456789")

    def test_revoking_is_final_and_counts_once(self, tenant):
        row, _ = issue(tenant, "ci")
        revoke(row)
        first = row.revoked_at
        revoke(row)
        assert row.revoked_at == first is not None
        assert numbers()[TENANTS] == 2
